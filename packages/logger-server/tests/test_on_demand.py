"""A logger that discovery started ends with discovery; one that was started by hand does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_server.cli import main
from logger_process import records_in
from session_sharing import SessionSharingError
from session_sharing.client import stop_server


@pytest.fixture
def start_script(tmp_path: Path) -> Path:
    done = CliRunner().invoke(main, ["install", str(tmp_path / "installed")])
    assert done.exit_code == 0, done.output
    return tmp_path / "installed" / ("start.bat" if os.name == "nt" else "start.sh")


@contextmanager
def started(script: Path, stdin: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run the script; return the process and its state file when it is ready."""
    folder = script.parent.parent
    state = folder / "state" / "json-logger.json"
    command = [str(script), f"--state-file={state}", f"--log-root={folder}", "--no-discovery"]
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        try:
            yield process, state
        finally:
            with suppress(SessionSharingError):
                stop_server(state)  # on Windows, `process` is the interpreter of the script
            process.kill()


def test_a_logger_that_was_started_on_demand_stops_cleanly_when_its_input_ends(
    start_script: Path,
) -> None:
    with started(start_script, subprocess.PIPE) as (process, state):
        log = JsonLoggerClient("a.ndjson", connection=ConnectOptions.from_state_file(state))
        log.log_data("kept", {}, {})

        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(10) == 0
        log.connection.close()
    assert not state.exists()
    assert len(records_in(start_script.parent.parent / "a.ndjson")) == 1


def test_standard_input_without_a_writer_stops_no_server_that_was_started_by_hand(
    start_script: Path,
) -> None:
    with started(start_script, subprocess.DEVNULL) as (process, state):
        with JsonLoggerClient("a.ndjson", connection=ConnectOptions.from_state_file(state)) as log:
            for _ in range(100):
                log.log_data("goes on", {}, {})
        assert process.poll() is None
