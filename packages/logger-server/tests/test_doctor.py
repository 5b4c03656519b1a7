"""The doctor finds the faults of a station, and says what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from capabilities import needs_binding_modes
from json_logger_proto.names import TARGET_VARIABLE, TOKEN_FILE_VARIABLE
from logger_process import LoggerProcess
from own_station import RUNTIME_FOLDER


def _doctor(
    tmp_path: Path, state: Path, **variables: str
) -> tuple[int, dict[str, tuple[str, str]]]:
    """Examine a station that has nothing but this state file and these variables."""
    for name in (TARGET_VARIABLE, TOKEN_FILE_VARIABLE):
        variables.setdefault(name, "")
    variables[RUNTIME_FOLDER] = str(tmp_path)
    command = [sys.executable, "-m", "json_logger_server", "doctor", "--json"]
    done = subprocess.run(
        [*command, f"--state-file={state}", f"--log-root={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    rows = json.loads(done.stdout)
    return done.returncode, {row["subject"]: (row["verdict"], row["text"]) for row in rows}


def test_a_station_with_a_running_server_has_no_faults(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path) as logger:
        code, found = _doctor(tmp_path, logger.state_file)

    assert code == 0
    assert found["server"][0] == "ok"
    assert "answers" in found["server"][1]


def test_for_a_station_without_a_server_the_doctor_says_how_to_start_one(tmp_path: Path) -> None:
    code, found = _doctor(tmp_path, tmp_path / "none.json")

    assert code == 0
    assert found["server"] == (
        "note",
        f"No server of yours has written {tmp_path / 'none.json'}. `json-logger serve` starts one.",
    )


def test_a_killed_servers_state_file_is_seen_as_wrong(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path) as logger:
        logger.kill()
        code, found = _doctor(tmp_path, logger.state_file)

    assert code == 1
    assert found["server"][0] == "wrong"


def test_a_token_variable_with_a_missing_file_is_reported_as_wrong(tmp_path: Path) -> None:
    state = tmp_path / "none.json"
    code, found = _doctor(tmp_path, state, JSON_LOGGER_TARGET="ipv4:127.0.0.1:1")
    assert code == 1 and found["environment"][0] == "wrong"
    code, found = _doctor(tmp_path, state, JSON_LOGGER_TOKEN_FILE="/no/such/file")
    assert code == 1 and "not a file" in found["environment"][1]


@needs_binding_modes
def test_a_log_folder_that_cannot_be_written_is_seen_as_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    code, found = _doctor(folder, tmp_path / "none.json")

    assert code == 1
    assert found[f"log folder {folder}"][0] == "wrong"
