"""A client finds the logger of its own user, and trusts no file of another user."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from as_user import needs_users
from capabilities import needs_fifos, needs_modes, needs_symlinks
from json_logger_client import JsonLoggerClient, locate_logger
from logger_process import records_in
from own_station import RUNTIME_FOLDER
from session_sharing.client import (
    NotPermittedError,
    ServerUnavailableError,
    SessionSharingError,
    start_server,
    stop_server,
)
from session_sharing.places import default_state_file
from session_sharing.stop_event import ask_to_stop

NOBODY = 65534


@pytest.fixture
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's runtime folder, in which clients look for state files."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv(RUNTIME_FOLDER, str(folder))
    monkeypatch.delenv("JSON_LOGGER_TARGET", raising=False)
    monkeypatch.delenv("JSON_LOGGER_TOKEN_FILE", raising=False)
    return folder


def test_the_readmes_first_snippet_finds_the_server_that_the_command_started(
    runtime_folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "json_logger_server", "serve", "--log-root", str(tmp_path)]
    with subprocess.Popen([*command, "--no-discovery"], stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            assert "ready" in run.stdout.readline()
            with JsonLoggerClient("measurements.ndjson") as log:
                assert log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9]}) == 1
                assert log.path == str(tmp_path / "measurements.ndjson")
        finally:
            ask_to_stop(run.pid)
    assert len(records_in(tmp_path / "measurements.ndjson")) == 1


def test_when_there_is_no_logger_the_error_names_every_place_and_what_was_found(
    runtime_folder: Path,
) -> None:
    with pytest.raises(ServerUnavailableError) as caught:
        JsonLoggerClient("measurements.ndjson")
    for part in ("JSON_LOGGER_TARGET", "NI discovery", "json-logger.json", "json-logger serve"):
        assert part in str(caught.value)


def test_a_state_file_whose_server_is_gone_says_so_at_once(runtime_folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    plant(runtime_folder, pid=gone.pid)
    with pytest.raises(ServerUnavailableError, match=f"process {gone.pid}, has ended"):
        locate_logger()


def plant(runtime_folder: Path, pid: int = 1) -> Path:
    """Write a state file as a server would."""
    file = default_state_file("json-logger")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    assert file.is_relative_to(runtime_folder)
    token = file.with_suffix(".token")
    token.write_text("a token")
    state = {"pid": pid, "targets": ["ipv4:127.0.0.1:1"], "token_file": str(token)}
    file.write_text(json.dumps(state))
    for path in (file, token):
        path.chmod(0o600)
    return file


def give_away(path: Path) -> None:
    os.chown(path, NOBODY, NOBODY)


def open_to_all(path: Path) -> None:
    path.chmod(path.stat().st_mode | stat.S_IWOTH)


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def become_a_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def become_huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 30)


FILES = ("state file", "token")
FOLDERS = ("folder", "runtime folder")
SPOILED_BY: list[tuple[Callable[[Path], None], list[pytest.MarkDecorator]]] = [
    (give_away, [needs_users]),
    (open_to_all, [needs_modes]),
    (become_a_pipe, [needs_fifos]),
    (become_a_link, [needs_symlinks]),
    (become_huge, []),
]
SPOILED = [
    pytest.param(which, spoil, marks=marks)
    for spoil, marks in SPOILED_BY
    for which in (FILES + FOLDERS if spoil in (give_away, open_to_all) else FILES)
]


@pytest.mark.parametrize(("which", "spoil"), SPOILED)
def test_a_state_file_that_another_user_can_have_planted_is_not_trusted(
    runtime_folder: Path, which: str, spoil: Callable[[Path], None]
) -> None:
    state_file = plant(runtime_folder, pid=os.getpid())
    assert locate_logger().token == "a token"
    path = {
        "state file": state_file,
        "token": state_file.with_suffix(".token"),
        "folder": state_file.parent,
        "runtime folder": runtime_folder,
    }[which]
    spoil(path)
    if default_state_file("json-logger") != state_file:
        return  # platformdirs itself does not accept a runtime folder of another user
    with pytest.raises(NotPermittedError):
        locate_logger()


def become_a_device(path: Path) -> None:
    path.unlink()
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero


@needs_users
@pytest.mark.parametrize("suffix", [".json", ".token"])
def test_a_device_in_the_place_of_a_file_is_not_opened(runtime_folder: Path, suffix: str) -> None:
    state_file = plant(runtime_folder, pid=os.getpid())
    try:
        become_a_device(state_file.with_suffix(suffix))
    except PermissionError:
        pytest.skip("this system makes no devices here")
    with pytest.raises(NotPermittedError, match="not a regular file"):
        locate_logger()


@pytest.mark.parametrize("spoil", [pytest.param(become_a_pipe, marks=needs_fifos), become_huge])
def test_a_token_file_of_the_environment_neither_hangs_nor_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    token = tmp_path / "token"
    token.write_text("a token\n")
    monkeypatch.setenv("JSON_LOGGER_TARGET", "ipv4:127.0.0.1:1")
    monkeypatch.setenv("JSON_LOGGER_TOKEN_FILE", str(token))
    assert locate_logger().token == "a token"
    spoil(token)
    with pytest.raises(NotPermittedError, match="token"):
        locate_logger()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(give_away, marks=needs_users),
        pytest.param(become_a_pipe, marks=needs_fifos),
        pytest.param(become_a_link, marks=needs_symlinks),
    ],
)
def test_nothing_is_written_into_a_planted_file_at_the_log_of_a_started_server(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    log = tmp_path / "server.log"
    log.write_text("")
    spoil(log)
    with pytest.raises(SessionSharingError, match=r"server\.log"):
        start_server([sys.executable, "-c", "print('ready')"], tmp_path / "server.json")
    if log.is_file():
        assert log.read_text() == ""


@needs_users
def test_no_process_is_stopped_because_of_a_planted_process_id(runtime_folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        state_file = plant(runtime_folder, pid=victim.pid)
        give_away(state_file)
        with pytest.raises(NotPermittedError, match="belongs to user"):
            stop_server(state_file)
        assert victim.poll() is None
        victim.kill()
