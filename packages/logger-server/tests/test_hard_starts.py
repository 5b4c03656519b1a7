"""P7: a server that cannot start says why in one line, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from capabilities import needs_proc, needs_unix_sockets
from json_logger_client import ConnectOptions, JsonLoggerClient
from session_sharing.stop_event import ask_to_stop

FILE_IN_THE_WAY = (
    "already exists. Name another place"
    if sys.platform == "win32"
    else "file cannot be made: File exists. Name another place"
)
NO_FILE = os.strerror(errno.EACCES if sys.platform == "win32" else errno.EISDIR)
"""What the system says when it opens a folder as a file."""


def serve(folder: Path, *options: str, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "json_logger_server", "serve", "--no-discovery", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        command, cwd=folder, text=True, **{"stdout": pipe, "stderr": pipe, **more}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("no folder, no certificate")
    (tmp_path / "taken.json.lock").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param(
            ["--state-file=/proc/nowhere/st.json"],
            "/proc/nowhere cannot be made: No such file",
            marks=needs_proc,
        ),
        (["--state-file=file/st.json"], FILE_IN_THE_WAY),
        (["--state-file=taken.json"], f"taken.json.lock cannot be locked: {NO_FILE}"),
        pytest.param(
            ["--state-file=s/st.json", "--listen=unix:/proc/x/s"],
            "/proc/x cannot be made",
            marks=[needs_proc, needs_unix_sockets],
        ),
        (
            [
                "--state-file=s/st.json",
                "--listen=tls:127.0.0.1:0",
                "--tls-certificate=file",
                "--tls-key=file",
            ],
            "the certificate does not belong to the private key",
        ),
    ],
)
def test_a_server_that_cannot_start_says_why_and_leaves_nothing(
    folder: Path, options: list[str], why: str
) -> None:
    before = set(folder.rglob("*"))
    process = serve(folder, "--log-root=.", *options)
    _, said = process.communicate(timeout=120)

    assert process.returncode == 1
    assert why in said.splitlines()[-1]
    assert "Traceback" not in said
    assert set(folder.rglob("*")) - before <= {folder / "s"}


@needs_proc
def test_a_data_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    nowhere = {**os.environ, "HOME": "/proc/nowhere", "XDG_DATA_HOME": "/proc/nowhere"}
    _, said = serve(tmp_path, "--state-file=st.json", env=nowhere).communicate(timeout=120)
    assert "Name another folder for logs by --log-root" in said.splitlines()[-1]


def fill(folder: Path) -> None:
    with (folder / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass


def test_a_state_file_on_a_small_disk_is_refused_and_nothing_is_left(
    small_disk: Path, tmp_path: Path
) -> None:
    fill(small_disk)
    process = serve(tmp_path, "--log-root=.", f"--state-file={small_disk}/st.json")
    _, said = process.communicate(timeout=120)

    assert "cannot be made: No space left on device. Name another place" in said.splitlines()[-1]
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_server_continues_when_the_process_that_started_it_has_ended(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    state = tmp_path / "st.json"
    process = serve(tmp_path, "--log-root=.", f"--state-file={state}", stdout=writing)
    os.close(writing)
    while not state.exists():
        assert process.poll() is None
    with JsonLoggerClient("a.ndjson", connection=ConnectOptions.from_state_file(state)) as log:
        assert log.log_data("m", {}, {}) == 1

    ask_to_stop(process.pid)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in said) == (0, False)
    assert {path.name for path in tmp_path.iterdir()} == {"a.ndjson"}
