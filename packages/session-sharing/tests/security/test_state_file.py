"""A state file describes one live server, for its user only."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
from capabilities import needs_modes
from hosting import hosted
from own_station import RUNTIME_FOLDER
from session_sharing import InvalidArgumentError, ResourceInUseError
from session_sharing.client import ConnectOptions, connect
from session_sharing.places import default_state_file
from session_sharing.server import StateFile


def test_a_published_server_is_found_by_its_state_file(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "server.json")
    state.claim()
    with hosted() as host:
        state.publish(host)
        assert json.loads(state.path.read_text())["pid"] == os.getpid()
        if sys.platform != "win32":
            assert stat.S_IMODE(state.path.stat().st_mode) == 0o600
            assert stat.S_IMODE(state.token_path.stat().st_mode) == 0o600
        assert connect(ConnectOptions.from_state_file(state.path)).is_connected()
    state.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_stops_while_a_client_reads_its_state_file_leaves_nothing(
    tmp_path: Path,
) -> None:
    """Windows removes no file that another program has open."""
    state = StateFile(tmp_path / "server.json")
    state.claim()
    with hosted() as host:
        state.publish(host)
    reader = state.path.open()
    closing = threading.Timer(0.3, reader.close)
    closing.start()
    state.remove()
    closing.join()
    assert list(tmp_path.iterdir()) == []


def test_a_second_server_on_a_live_state_file_is_refused_and_a_stale_one_is_reclaimed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "server.json"
    path.write_text(
        '{"pid": 1, "targets": []}'
    )  # its server has died: no process holds the lock file
    first = StateFile(path)
    first.claim()
    assert not path.exists()
    with pytest.raises(ResourceInUseError, match="already running"):
        StateFile(path).claim()
    first.remove()
    StateFile(path).claim()


@needs_modes
def test_a_default_folder_that_other_users_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_FOLDER, str(tmp_path))
    state_file = StateFile(default_state_file("json-logger"))
    tmp_path.chmod(0o777)
    with pytest.raises(InvalidArgumentError, match="chmod go-w"):
        state_file.claim()
    tmp_path.chmod(0o755)
    state_file.path.parent.chmod(0o755)
    with pytest.raises(InvalidArgumentError, match="chmod 700"):
        state_file.claim()
    state_file.path.parent.chmod(0o700)
    state_file.claim()


def test_the_default_state_file_is_in_a_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(tmp_path))

    assert default_state_file("json-logger") == tmp_path / "session-sharing" / "json-logger.json"


@pytest.mark.parametrize("text", ["", "{}", "notes, not JSON", '["pid", "targets"]'])
def test_a_file_that_is_not_a_state_file_is_never_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "important.json"
    path.write_text(text)
    with pytest.raises(InvalidArgumentError, match="Name another place"):
        StateFile(path).claim()
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["important.json"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"targets": []}', '{"targets": ["x"]}'])
def test_a_client_refuses_a_file_that_is_not_a_state_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.json"
    path.write_text(text)
    with pytest.raises(InvalidArgumentError, match="is not the state file of a session server"):
        ConnectOptions.from_state_file(path)
    with pytest.raises(InvalidArgumentError, match="Is it running"):
        ConnectOptions.from_state_file(tmp_path / "none.json")
