"""`session-sharing ls`, `show` and `close` work on servers of any kind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hosting import Lock, hosted
from own_station import RUNTIME_FOLDER
from processes import LockServer, Process, eventually
from session_sharing.cli import main
from session_sharing.client import (
    ConnectOptions,
    ResourceFailedError,
    SessionExpiredError,
    SessionOptions,
    SharedSession,
)
from session_sharing.server import SessionHost, StateFile
from session_sharing.v1 import lifecycle_pb2 as pb


class LockSession(SharedSession):
    kind = "lock"


class Exclusive(Lock):
    exclusive = True

    def describe(self) -> dict[str, str]:
        return {"place": "\x1b[2J"}

    def close(self) -> None:
        if self.name == "broken":
            raise OSError(5, "Input/output error")


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def run_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(autouse=True)
def user_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the state files of this user's servers."""
    monkeypatch.setenv(RUNTIME_FOLDER, str(folder))
    own = folder / "session-sharing"
    own.mkdir(mode=0o700)
    return own


@pytest.fixture
def host(user_folder: Path) -> Iterator[SessionHost]:
    """A server of this user, whose state file is where the commands look."""
    state = StateFile(user_folder / "locks.json")
    state.claim()
    with hosted(kinds={"lock": Exclusive}) as host:
        state.publish(host)
        yield host
    state.remove()


@pytest.fixture
def options(host: SessionHost) -> ConnectOptions:
    return ConnectOptions(host.targets[0], token=host.authenticator.token, label="a test")


@pytest.fixture
def lock(options: ConnectOptions) -> Iterator[LockSession]:
    with LockSession("scope-1", options) as lock:
        yield lock


def test_without_options_they_look_at_all_servers_of_this_user(
    lock: LockSession, user_folder: Path, keep: Callable[[Process], Process]
) -> None:
    other = LockServer(user_folder)
    keep(other)
    assert keep(other.client("dmm-1")).line() == "new"
    (user_folder / "platform-sim.json").write_text('{"pid": 1, "discovery_address": "x"}')

    listed = {(one["server"], one["resource"]) for one in run_json("ls")}
    assert listed == {("locks", "scope-1"), ("state", "dmm-1")}
    assert run("ls").splitlines()[0].split()[:3] == ["SERVER", "KIND", "RESOURCE"]
    assert set(run_json("show")) == {"locks", "state"}
    assert run_json("show", "dmm-1")["server"] == "state"


def test_show_finds_a_session_by_resource_by_name_or_by_the_first_characters(
    lock: LockSession,
) -> None:
    for wanted in ("scope-1", lock.session_name, lock.session_name[:8]):
        facts = run_json("show", wanted)
        assert (facts["kind"], facts["resource"]) == ("lock", "scope-1")
    assert "behavior: AUTO" in run("show", "scope-1")
    assert "No session is open for 'scope-2'" in run("show", "scope-2", code=1)


def test_show_says_who_waits(lock: LockSession, options: ConnectOptions) -> None:
    patient = SessionOptions(wait=60, label="the next one")
    waiting = threading.Thread(target=lambda: LockSession("scope-1", options, patient).close())
    waiting.start()
    eventually(lambda: run_json("show", "scope-1")["waiting"] == ["the next one"])
    lock.close()
    waiting.join(60)


def test_close_closes_a_session_for_its_clients(lock: LockSession) -> None:
    assert run("close", "scope-1") == "scope-1 is closed.\n"
    with pytest.raises(SessionExpiredError):
        lock.call(lock.connection.lifecycle.Detach, pb.DetachRequest(attachment=lock.attachment))
    assert run_json("ls") == []


def test_a_session_that_failed_is_listed(options: ConnectOptions) -> None:
    with pytest.raises(ResourceFailedError):
        LockSession("broken", options).close()
    assert "Input/output error" in run_json("show", "broken")["failed"]
    assert "FAILED at" in run("ls")


@pytest.mark.parametrize("how", ["--target", "--state-file"])
def test_they_find_a_server_by_option(
    how: str, lock: LockSession, host: SessionHost, user_folder: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(host.authenticator.token)
    where = {
        "--target": [f"--target={host.targets[0]}", f"--token-file={token}"],
        "--state-file": [f"--state-file={user_folder / 'locks.json'}"],
    }[how]
    assert run_json("ls", *where)[0]["resource"] == "scope-1"


def test_a_server_that_does_not_accept_the_caller_says_so(
    lock: LockSession, host: SessionHost
) -> None:
    assert "token" in run("ls", f"--target={host.targets[0]}", code=1)


def test_facts_about_a_resource_cannot_steer_the_terminal(lock: LockSession) -> None:
    said = run("show", "scope-1")
    assert "\x1b" not in said
    assert r"\x1b[2J" in said
