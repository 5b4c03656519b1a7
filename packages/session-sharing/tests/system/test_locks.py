"""Hardware locks over processes and hosts: fair, and free when a holder dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from own_station import RUNTIME_FOLDER
from processes import Process, eventually
from session_sharing import SessionAlreadyOpenError
from session_sharing.client import Connection, stop_server
from session_sharing.locks import HardwareLock, find_lock_server
from session_sharing.places import default_state_file
from session_sharing.v1 import lifecycle_pb2 as pb

Start = Callable[[str], Process]


@pytest.fixture(autouse=True)
def own_lock_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of this user in which the first lock starts a server; it stops with the test."""
    monkeypatch.setenv(RUNTIME_FOLDER, str(folder))
    yield
    stop_server(default_state_file("session-locks"))


@pytest.fixture
def holder(keep: Callable[[Process], Process]) -> Start:
    """Starts processes that wait for the lock `scope-1`, say that they hold it, and obey."""
    return lambda label: keep(Process("lock_holder.py", label))


@pytest.fixture
def waiting() -> Iterator[Callable[[], list[str]]]:
    """Returns who waits for the lock, the first in line first."""
    with Connection(find_lock_server()) as connection:

        def names() -> list[str]:
            lifecycle = connection.lifecycle
            listed = connection.call(lifecycle.ListSessions, pb.ListSessionsRequest())
            return [name for session in listed.sessions for name in session.waiting]

        yield names


def test_processes_get_the_lock_in_their_order_and_the_dead_lose_their_place(
    holder: Start, waiting: Callable[[], list[str]]
) -> None:
    first = holder("first")
    assert first.line() == "held"
    queue = {}
    for label in ("second", "third", "fourth"):
        queue[label] = holder(label)
        eventually(lambda label=label: label in waiting())  # type: ignore[misc]
    assert waiting() == ["second", "third", "fourth"]

    queue["third"].kill()
    eventually(lambda: waiting() == ["second", "fourth"])
    first.send("leave")
    assert queue["second"].line() == "held"
    queue["second"].kill()
    assert queue["fourth"].line() == "held after second"


def test_a_process_that_waited_too_long_learns_who_holds_it_and_who_is_ahead(
    holder: Start, waiting: Callable[[], list[str]]
) -> None:
    assert holder("first").line() == "held"
    holder("second")
    eventually(lambda: waiting() == ["second"])

    with pytest.raises(SessionAlreadyOpenError, match=r"opened by first .* this client: second"):
        HardwareLock("scope-1", timeout=0.1)
    with HardwareLock("scope-2", timeout=0.1) as other:
        assert other.new_session


def test_a_lock_server_holds_the_locks_of_several_hosts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate, key, root = (folder / name for name in ("server.pem", "server.key", "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(root))
    state = folder / "own" / "state.json"
    command = [sys.executable, "-m", "session_sharing", "locks", "--listen=tls:localhost:0"]
    command += [f"--tls-certificate={certificate}", f"--tls-key={key}", f"--state-file={state}"]
    with subprocess.Popen(
        [*command, "--stop-with-starter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        port = server.stdout.readline().strip().rpartition(":")[2]
        monkeypatch.setenv("SESSION_LOCKS_TARGET", f"localhost:{port}")
        monkeypatch.setenv("SESSION_LOCKS_TOKEN_FILE", str(state.with_suffix(".token")))
        monkeypatch.setenv("SESSION_LOCKS_TLS_CA", str(root))
        with HardwareLock("scope-1"), pytest.raises(SessionAlreadyOpenError):
            HardwareLock("scope-1", timeout=0)
        server.stdin.close()
        assert server.wait(60) == 0
    assert not default_state_file("session-locks").exists()
