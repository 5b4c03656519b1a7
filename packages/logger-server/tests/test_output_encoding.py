"""The commands print logs whose text the code page of the system has no characters for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from logger_process import LoggerProcess

OHM = "\u03a9"


@pytest.fixture(scope="module")
def path(logger: LoggerProcess) -> Path:
    with logger.client(f"R in {OHM}.ndjson") as log:
        log.log_data(f"resistance in {OHM}", {}, {f"R/{OHM}": 5.0})
    return logger.folder / f"R in {OHM}.ndjson"


@pytest.mark.parametrize("verb", ["verify", "report", "tail", "show", "ls"])
def test_a_command_into_a_pipe_prints_every_character(
    logger: LoggerProcess, path: Path, verb: str
) -> None:
    with logger.client(path.name):
        at = [] if verb in ("verify", "report") else [f"--state-file={logger.state_file}"]
        named = {"ls": [], "tail": [path.name], "show": [path.name]}.get(verb, [str(path)])
        done = subprocess.run(
            [sys.executable, "-m", "json_logger_server", verb, *named, *at],
            capture_output=True,
            env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        )
    assert (done.returncode, done.stderr) == (0, b"")
    expected = OHM if sys.platform == "win32" else "\\u03a9"
    assert expected in done.stdout.decode("utf-8")
