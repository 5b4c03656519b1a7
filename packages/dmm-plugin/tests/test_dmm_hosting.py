from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dmm_station import SERVICE_CLASS, Station
from platform_sim.measui import check_bindings, measui_text, missing_controls
from plugin_kit.calling import PlatformClient

if TYPE_CHECKING:
    from platform_sim.testing import PlatformFixture

DATA = Path(__file__).parents[1] / "src" / "dmm_logger_plugin" / "data"


def test_install_lays_out_what_discovery_needs(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dmm_logger_plugin",
        "install",
        str(tmp_path),
        "--simulate",
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    written = {Path(line).name for line in printed.splitlines()}
    assert written == {path.name for path in tmp_path.iterdir()}
    assert written >= {
        "NIDmmMeasurementWithLogger.serviceconfig",
        "NIDmmMeasurementWithLogger.measui",
        "start.sh",
        "start.bat",
        "install.bat",
        ".env",
        ".env.simulation",
        ".serviceignore",
    }
    (service,) = json.loads((tmp_path / "NIDmmMeasurementWithLogger.serviceconfig").read_text())[
        "services"
    ]
    assert (tmp_path / service["path"]).exists()
    assert service["version"] == version("dmm-logger-plugin")
    assert sys.executable in (tmp_path / "start.sh").read_text()


@pytest.fixture
def served(ni_platform: PlatformFixture) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "dmm_logger_plugin", "serve"],
        env=ni_platform.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"ready: {SERVICE_CLASS} at ")
        yield process
        process.kill()


def test_it_is_stopped_cleanly_and_unregisters(
    served: subprocess.Popen[str], ni_platform: PlatformFixture
) -> None:
    with PlatformClient(ni_platform.discovery_address) as client:
        served.terminate()

        assert served.wait(timeout=60) == 0
        classes = [one.service_descriptor.service_class for one in client.active_services()]
    assert SERVICE_CLASS not in classes


def test_the_panel_is_the_one_that_the_metadata_gives(station: Station) -> None:
    with station.plugin() as plugin:
        metadata = plugin.metadata
    panel = (DATA / "NIDmmMeasurementWithLogger.measui").read_text(encoding="utf-8")

    assert check_bindings(panel, SERVICE_CLASS, metadata) == []
    assert missing_controls(panel, metadata) == []
    assert panel == measui_text(SERVICE_CLASS, metadata), (
        "run: platform-sim measui " + SERVICE_CLASS + " -o " + str(DATA)
    )
