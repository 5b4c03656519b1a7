"""A hosted plug-in of NI's SDK ends its calls in time, and its command line works.

measurement-platform-sim has the tests of `MeasurementCall.reserve`, because it has pins.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
import pytest
from capabilities import SLOWNESS
from click.testing import CliRunner
from plain_discovery import SERVICE_CLASS, PlainDiscovery, environment
from plugin_kit import PluginCallError, PluginError
from plugin_kit.calling import MeasurementPlugin, PlatformClient
from plugin_kit.hosting import (
    CancelledError,
    DeadlineExceededError,
    InvalidInputError,
    MeasurementError,
    Plugin,
    command_line,
    plugin_cli,
)
from plugin_processes import DEADLINE, WAYS_TO_STOP, ask_to_stop, install, served

SOON = 30.0 * SLOWNESS
"""Seconds that a busy machine may need for an effect that other machines show at once."""


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("status", "^INVALID_ARGUMENT: count is 13.$"),
        ("own status", "^NOT_FOUND: no such thing.$"),
        ("grpc", "^UNAVAILABLE: "),
        ("error", "^UNKNOWN: LookupError: as asked$"),
    ],
)
def test_an_error_reaches_the_caller_with_its_status_and_its_text(
    plugin: MeasurementPlugin, fails: str, said: str
) -> None:
    with pytest.raises(PluginCallError, match=said):
        plugin.measure({"fails": fails})
    assert plugin.measure()["number"] == 3


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InvalidInputError, "INVALID_ARGUMENT"),
        (CancelledError, "CANCELLED"),
        (DeadlineExceededError, "DEADLINE_EXCEEDED"),
        (MeasurementError, "UNKNOWN"),
    ],
)
def test_the_errors_of_a_measurement_have_one_root_and_a_status(
    kind: type[MeasurementError], status: str
) -> None:
    assert issubclass(kind, MeasurementError)
    assert issubclass(kind, PluginError)
    assert kind.status.name == status


def _wait_for_mark(file: Path, *texts: str) -> None:
    until = time.monotonic() + SOON
    while not file.exists() or file.read_text() not in texts:
        assert time.monotonic() < until, "the measurement still runs"
        time.sleep(0.01)


def test_a_measurement_ends_when_its_caller_cancels(
    plugin: MeasurementPlugin, tmp_path: Path
) -> None:
    updates = plugin.stream({"seconds": 600.0, "mark file": tmp_path / "mark"})
    next(updates)
    _wait_for_mark(tmp_path / "mark", "measuring")
    plugin.cancel()
    _wait_for_mark(tmp_path / "mark", "CancelledError")


def test_a_measurement_ends_when_its_deadline_passes(
    plugin: MeasurementPlugin, tmp_path: Path
) -> None:
    values = {"seconds": 600.0, "mark file": tmp_path / "mark"}
    with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
        plugin.measure(values, timeout=2.0)
    _wait_for_mark(tmp_path / "mark", "DeadlineExceededError", "CancelledError")


@pytest.mark.parametrize("way", WAYS_TO_STOP)
def test_a_served_plugin_stops_cleanly_and_is_unregistered(
    own_discovery: PlainDiscovery, way: str
) -> None:
    with (
        served(own_discovery.program("plain_plugin"), environment(), SERVICE_CLASS) as process,
        PlatformClient(own_discovery.address) as client,
    ):
        assert client.address_of(SERVICE_CLASS)
        ask_to_stop(process, way)
        assert process.wait(DEADLINE) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "stopped\n"
        assert not client.address_of(SERVICE_CLASS)


def test_install_writes_a_folder_that_discovery_can_start(tmp_path: Path) -> None:
    written = install("plain_plugin", tmp_path / "p", "--simulate", environment=environment())

    files = {path.name for path in (tmp_path / "p").iterdir()}
    assert set(written) == files
    assert {"PlainPlugin.serviceconfig", "start.bat", "start.sh", "install.bat", ".env"} <= files
    assert os.access(tmp_path / "p" / "start.sh", os.X_OK)
    assert sys.executable in (tmp_path / "p" / "start.bat").read_text()


def test_the_env_file_is_written_on_request_and_never_over_the_users(
    tmp_path: Path,
) -> None:
    assert ".env" not in install("plain_plugin", tmp_path, environment=environment())
    (tmp_path / ".env").write_text("# mine\n")
    assert ".env" not in install("plain_plugin", tmp_path, "--simulate", environment=environment())
    assert (tmp_path / ".env").read_text() == "# mine\n"


@pytest.fixture
def commands() -> click.Group:
    """The command line of the plain plug-in, in this process."""
    data = Path(__file__).parent / "support" / "plain_plugin" / "data"
    return plugin_cli(Plugin("plain_plugin", "plain-plugin", "1.0", data))


@pytest.mark.parametrize(("change", "left"), [(False, []), (True, [".env"])])
def test_uninstall_removes_what_install_wrote_but_no_changed_env_file(
    commands: click.Group, tmp_path: Path, change: bool, left: list[str]
) -> None:
    folder = tmp_path / "p"
    assert CliRunner().invoke(commands, ["install", str(folder), "--simulate"]).exit_code == 0
    if change:
        (folder / ".env").write_text("# mine\n")

    done = CliRunner().invoke(commands, ["uninstall", str(folder)])

    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.glob("p/*")] == left
    assert folder.exists() == bool(left)
    assert done.output.count("not removed") == len(left)


def test_without_a_folder_the_plugin_is_installed_into_nis_own(
    commands: click.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "plugins_folder", lambda: tmp_path)  # no machine here has one

    assert CliRunner().invoke(commands, ["install"]).exit_code == 0

    assert (tmp_path / "plain-plugin" / "start.bat").exists()
    assert CliRunner().invoke(commands, ["uninstall"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_uninstall_refuses_a_folder_of_another_program(
    commands: click.Group, tmp_path: Path
) -> None:
    (tmp_path / "start.bat").write_text("mine")

    done = CliRunner().invoke(commands, ["uninstall", str(tmp_path)])

    assert done.exit_code == 1
    assert "Error: " in done.output
    assert (tmp_path / "start.bat").read_text() == "mine"
