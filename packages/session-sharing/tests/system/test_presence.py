"""P5: the attachments of a client end when it is lost, and never while it is alive."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from processes import LockServer, Process, eventually
from session_sharing.client import (
    Connection,
    ConnectOptions,
    InitializationBehavior,
    ServerRestartedError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionOptions,
    SharedSession,
)
from session_sharing.v1 import lifecycle_pb2 as pb

Keep = Callable[[Process], Process]
NEW = InitializationBehavior.INITIALIZE_SERVER_SESSION


class LockSession(SharedSession):
    kind = "lock"


def test_a_killed_holder_hands_the_lock_over_within_two_seconds(folder: Path, keep: Keep) -> None:
    server = LockServer(folder, window=2.0)
    keep(server)
    holder = keep(server.client("lock", "INITIALIZE_SERVER_SESSION"))
    assert holder.line() == "new"
    waiting = ConnectOptions(server.target)
    with pytest.raises(SessionAlreadyOpenError):
        LockSession("lock", waiting, SessionOptions(NEW))
    holder.kill()

    def can_take_it() -> bool:
        try:
            LockSession("lock", waiting, SessionOptions(NEW)).close()
        except SessionAlreadyOpenError:
            return False
        return True

    assert eventually(can_take_it, within=2.0) < 2.0


def test_a_client_whose_interpreter_is_busy_stays_present(server: LockServer, keep: Keep) -> None:
    client = keep(server.client("r"))
    assert client.line() == "new"

    client.send("hold-interpreter 3")  # six windows of half a second

    assert client.line() == "held"
    client.send("detach")
    assert client.line() == "ended"


@pytest.mark.soak
def test_a_client_whose_interpreter_is_busy_for_long_on_a_busy_machine_stays_present(
    folder: Path, keep: Keep
) -> None:
    """The window is the default one; on a busy machine the pings come late."""
    server = LockServer(folder, window=2.0)
    keep(server)
    client = keep(server.client("r"))
    assert client.line() == "new"
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    try:
        client.send("hold-interpreter 30")
        assert client.line() == "held"
        client.send("detach")
        assert client.line() == "ended"
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_a_client_that_was_stopped_past_its_window_is_refused_when_it_goes_on(
    server: LockServer, keep: Keep, attachments_of: Callable[[str], int | None]
) -> None:
    client = keep(server.client("r"))
    assert client.line() == "new"

    client.stop()
    eventually(lambda: attachments_of("r") is None, within=3.0)
    client.go_on()
    client.send("detach")

    assert client.line() == "refused SESSION_EXPIRED"


def test_a_client_that_was_stopped_past_its_window_gets_the_reason_when_it_goes_on(
    server: LockServer, keep: Keep, attachments_of: Callable[[str], int | None]
) -> None:
    client = keep(server.client("r"))
    assert client.line() == "new"

    client.stop()
    eventually(lambda: attachments_of("r") is None, within=3.0)
    client.go_on()

    assert client.popen.stderr
    told = (line.strip() for line in client.popen.stderr)
    assert "The server has ended 1 attachments of this client: silent for more than 0.25 s." in told


def test_a_client_that_comes_back_too_late_gets_once_the_number_of_ended_attachments(
    server: LockServer, observer: Connection, attachments_of: Callable[[str], int | None]
) -> None:
    hold = pb.HoldRequest(client_secret=secrets.token_bytes(16))
    stream = observer.lifecycle.Hold(hold)
    assert next(stream).HasField("granted")
    for resource in ("r", "s"):
        wanted = pb.OpenRequest(client_secret=hold.client_secret, kind="lock", resource=resource)
        observer.lifecycle.Open(wanted)
    stream.cancel()
    eventually(lambda: attachments_of("r") is None and attachments_of("s") is None, within=3.0)

    back = observer.lifecycle.Hold(hold)
    granted, expired = next(back).granted, next(back).expired
    assert (expired.reason, expired.attachments) == ("silent for more than 0.25 s", 2)
    assert not granted.resumed
    back.cancel()
    stranger = observer.lifecycle.Hold(pb.HoldRequest(client_secret=secrets.token_bytes(16)))
    for known_or_not in (observer.lifecycle.Hold(hold), stranger):
        assert next(known_or_not).HasField("granted")
        known_or_not.cancel()


REOPENING_PROGRAM = """
import sys, threading
from session_sharing.client import Connection, ConnectOptions, SharedSession

class LockSession(SharedSession):
    kind = "lock"

done = threading.Event()
with Connection(ConnectOptions(sys.argv[1], timeout=60.0)) as connection:
    def act(reason):
        session.reset()
        print(f"{reason}, new: {session.new_session}", flush=True)
        done.set()

    connection.on_expired = act
    session = LockSession("r", connection)
    print("ready", flush=True)
    done.wait()
"""


def test_the_callback_for_ended_sessions_can_act_at_once(
    server: LockServer, attachments_of: Callable[[str], int | None]
) -> None:
    command = [sys.executable, "-c", REOPENING_PROGRAM, server.target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        psutil.Process(program.pid).suspend()
        eventually(lambda: attachments_of("r") is None, within=3.0)
        psutil.Process(program.pid).resume()

        assert program.stdout.readline() == "silent for more than 0.25 s, new: True\n"


def test_a_server_that_was_paused_loses_no_live_client(server: LockServer, keep: Keep) -> None:
    client = keep(server.client("r"))
    assert client.line() == "new"

    server.stop()
    time.sleep(1.5)  # the test is about this length of the outage
    server.go_on()
    client.send("detach")

    assert client.line() == "ended"


def test_a_client_notices_a_restarted_server_and_reset_opens_again(
    folder: Path, server: LockServer, keep: Keep
) -> None:
    with LockSession("r", ConnectOptions(server.target)) as session:
        first_epoch = session.connection.epoch
        server.kill()
        keep(LockServer(folder))

        lifecycle = session.connection.lifecycle
        with pytest.raises(ServerRestartedError):
            session.call(lifecycle.Detach, pb.DetachRequest(attachment=session.attachment))
        session.reset()

        assert session.new_session
        assert session.connection.epoch != first_epoch
        session.call(lifecycle.Detach, pb.DetachRequest(attachment=session.attachment))


def test_a_stale_attachment_is_refused_after_the_session_was_opened_again(
    server: LockServer,
) -> None:
    options = ConnectOptions(server.target)
    with LockSession("r", options) as first, LockSession("r", options) as stale:
        first.close()
        with LockSession("r", options):
            lifecycle = stale.connection.lifecycle
            with pytest.raises(SessionExpiredError):
                stale.call(lifecycle.Detach, pb.DetachRequest(attachment=stale.attachment))


def test_a_client_without_presence_works_by_its_calls(server: LockServer) -> None:
    with LockSession("r", ConnectOptions(server.target, presence=False)) as session:
        assert session.new_session
        found = session.connection.lifecycle.ListSessions(pb.ListSessionsRequest())
        assert [info.resource for info in found.sessions] == ["r"]


def test_a_draining_server_informs_its_clients_and_exits_cleanly(
    server: LockServer, folder: Path
) -> None:
    drained = []
    with LockSession("r", ConnectOptions(server.target)) as session:
        session.connection.on_draining = lambda: drained.append(True)

        assert server.terminate() == 0
        assert drained == [True]
        session._ended = True  # no client is left
    assert list(folder.rglob("*")) == []
