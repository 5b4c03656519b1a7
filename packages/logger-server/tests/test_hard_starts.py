"""P7: a server that cannot start says why in one line, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from json_logger_client import ConnectOptions, JsonLoggerClient

pytestmark = pytest.mark.skipif(os.name == "nt", reason="uses places and signals of POSIX")


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
        (["--state-file=/proc/nowhere/st.json"], "/proc/nowhere cannot be made: No such file"),
        (["--state-file=file/st.json"], "file cannot be made: File exists. Name another place"),
        (["--state-file=taken.json"], "taken.json.lock cannot be locked: Is a directory"),
        (["--state-file=s/st.json", "--listen=unix:/proc/x/s"], "/proc/x cannot be made"),
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

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in said) == (0, False)
    assert {path.name for path in tmp_path.iterdir()} == {"a.ndjson"}
