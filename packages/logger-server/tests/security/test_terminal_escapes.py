"""No text in a log, a name, a label or an error can control the terminal that shows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs_control_characters, needs_terminals
from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
    SessionOptions,
)
from logger_process import LoggerProcess
from session_sharing.client import InvalidArgumentError, connect
from session_sharing.printing import harmless

CONTROLS = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
]
STEERING = "\x1b]0;title\x07\x1b]52;c;Y2xpcA==\x07\x9b2J\u202e\x85\rforged"
NAME = f"a{STEERING}.ndjson"


def on_terminal(*arguments: object, cwd: Path) -> str:
    """Run `json-logger` with a terminal as standard output and error; return its output."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "json_logger_server", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    os.close(theirs)
    said = b"".join(_read_all(ours))
    process.wait()
    return said.decode()


def _read_all(terminal: int) -> Iterator[bytes]:
    with os.fdopen(terminal, "rb", buffering=0) as file:
        while True:
            try:
                chunk = file.read(65536)
            except OSError:  # the other end is closed
                return
            if not chunk:
                return
            yield chunk


def steering_in(said: str) -> list[str]:
    # The terminal itself makes CR LF of a line end, and the commands set their own colours.
    others = re.sub(r"\r\n|\x1b\[3[123]m|\x1b\[0m", "", said)
    return [char for char in others if char in CONTROLS]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A log of another user, with terminal escapes in its name."""
    record = {
        "timestamp": STEERING,
        "measurement_name": STEERING,
        "measurement_configurations": {STEERING: STEERING},
        "measurement_outputs": {STEERING: STEERING},
    }
    path = tmp_path / NAME
    path.write_bytes(
        json.dumps(record, ensure_ascii=False).encode() + b"\nno JSON " + STEERING.encode() + b"\n"
    )
    return path


@needs_terminals
@pytest.mark.parametrize(
    "arguments",
    [
        ("tail",),
        ("tail", "--json"),
        ("verify",),
        ("report",),
        ("report", "--json"),
        ("report", "-o", f"missing{STEERING}/page.html"),
        ("show",),
        ("show", "--json"),
        ("close",),
        ("rotate",),
        ("rotate", "one", "too", "many"),
        ("tail", "-n", "x", "--target", "unix:/missing"),
        ("doctor", "--log-root"),
        ("serve", "--no-discovery", "--log-root", ".", "--listen"),
        ("serve", "--no-discovery", "--log-root", ".", "--state-file"),
        (),
    ],
    ids=" ".join,
)
def test_a_planted_log_cannot_steer_the_terminal(
    arguments: tuple[str, ...], planted: Path, tmp_path: Path
) -> None:
    said = on_terminal(*arguments, NAME, cwd=tmp_path)
    assert said.strip()
    assert steering_in(said) == []


@needs_terminals
def test_an_open_planted_log_cannot_steer_the_terminal(planted: Path, tmp_path: Path) -> None:
    with LoggerProcess(tmp_path) as logger:
        state = f"--state-file={logger.state_file}"
        with logger.client("b.ndjson") as log:
            log.log_data(STEERING, {}, {STEERING: STEERING})
            for arguments in (
                ["ls"],
                ["show"],
                ["show", NAME],
                ["tail", "b.ndjson"],
                ["tail", NAME],
            ):
                assert steering_in(on_terminal(*arguments, state, cwd=tmp_path)) == []


@needs_control_characters
def test_lines_in_a_pipe_are_exactly_those_of_the_file(planted: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "json_logger_server", "tail", "--json", NAME]
    piped = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True)
    assert piped.stdout == planted.read_bytes()


def test_a_server_takes_no_control_character_in_file_names_session_names_and_labels(
    logger: LoggerProcess,
) -> None:
    auto = InitializationBehavior.AUTO
    with connect(logger.connect()) as connection:
        for control in CONTROLS:
            text = f"a{control}b"
            for file, options in (
                (f"{text}.ndjson", SessionOptions()),
                ("a.ndjson", SessionOptions(session_name=text)),
                ("a.ndjson", SessionOptions(label=text)),
            ):
                with pytest.raises(InvalidArgumentError, match="control character"):
                    JsonLoggerClient(file, auto, connection=connection, options=options)
    assert list(logger.folder.glob("a*")) == []


def test_a_label_of_a_client_without_a_session_has_no_control_character(
    logger: LoggerProcess,
) -> None:
    options = ConnectOptions(logger.target, logger.token, label="a\x1b[2Jb")
    with (
        connect(options) as connection,
        pytest.raises(InvalidArgumentError, match="control character"),
    ):
        connection.be_present()


@needs_control_characters
def test_a_program_with_a_control_character_in_its_name_can_log(tmp_path: Path) -> None:
    program = tmp_path / "a\x1b[2Jb.py"
    program.write_text(
        "from session_sharing.client.options import default_label as label\nprint(label())\n"
    )
    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("a\\x1b[2Jb.py, pid")


def test_every_control_character_is_shown_as_an_escape() -> None:
    for control in CONTROLS:
        shown = harmless(f"a{control}b")
        assert shown.isascii() and shown.isprintable() and "\\" in shown
