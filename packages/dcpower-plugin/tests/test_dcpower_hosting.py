from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dcpower_station import SERVICE_CLASS, Station
from platform_sim.measui import check_bindings, measui_text, missing_controls
from plugin_kit.calling import PlatformClient

if TYPE_CHECKING:
    from platform_sim.testing import PlatformFixture

DATA = Path(__file__).parents[1] / "src" / "dcpower_logger_plugin" / "data"


def test_install_lays_out_what_discovery_needs(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dcpower_logger_plugin",
        "install",
        str(tmp_path),
        "--simulate",
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    written = {Path(line).name for line in printed.splitlines()}
    assert written == {path.name for path in tmp_path.iterdir()}
    assert written >= {
        "NIDCPowerWithLogger.serviceconfig",
        "NIDCPowerWithLogger.measui",
        "start.sh",
        "start.bat",
        "install.bat",
        ".env",
        ".env.simulation",
        ".serviceignore",
    }
    (service,) = json.loads((tmp_path / "NIDCPowerWithLogger.serviceconfig").read_text())[
        "services"
    ]
    assert (tmp_path / service["path"]).exists()
    assert service["version"] == version("dcpower-logger-plugin")
    assert sys.executable in (tmp_path / "start.sh").read_text()


def test_installing_again_keeps_the_env_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\n")

    command = [
        sys.executable,
        "-m",
        "dcpower_logger_plugin",
        "install",
        str(tmp_path),
        "--simulate",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    assert (tmp_path / ".env").read_text() == "# mine\n"


@pytest.fixture
def served(ni_platform: PlatformFixture) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "dcpower_logger_plugin", "serve"],
        env=ni_platform.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"ready: {SERVICE_CLASS} at ")
        yield process
        process.kill()


@pytest.mark.parametrize("reason", ["SIGTERM", "SIGINT", "end of input"])
def test_it_stops_cleanly_and_unregisters(
    served: subprocess.Popen[str], ni_platform: PlatformFixture, reason: str
) -> None:
    with PlatformClient(ni_platform.discovery_address) as client:
        assert client.active_services() != []
        if reason == "end of input":
            assert served.stdin is not None
            served.stdin.close()
        else:
            os.kill(served.pid, getattr(signal, reason))

        assert served.wait(timeout=60) == 0
        classes = [one.service_descriptor.service_class for one in client.active_services()]
    assert SERVICE_CLASS not in classes


def test_it_serves_on_without_a_parent_that_holds_its_input(ni_platform: PlatformFixture) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dcpower_logger_plugin", "serve"],
        env=ni_platform.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready: ")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0


def test_the_panel_is_the_one_that_the_metadata_gives(station: Station) -> None:
    with station.plugin() as plugin:
        metadata = plugin.metadata
    panel = (DATA / "NIDCPowerWithLogger.measui").read_text(encoding="utf-8")

    assert check_bindings(panel, SERVICE_CLASS, metadata) == []
    assert missing_controls(panel, metadata) == []
    assert panel == measui_text(SERVICE_CLASS, metadata), (
        "run: platform-sim measui " + SERVICE_CLASS + " -o " + str(DATA)
    )
