"""A connection ends cleanly, with its sessions and watches, whatever ends it and whenever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hosting import Lock, hosted
from processes import LockServer, eventually
from session_sharing import InitializationBehavior, NotPermittedError
from session_sharing.client import (
    Connection,
    ConnectionClosedError,
    ConnectOptions,
    ServerUnavailableError,
    SessionOptions,
    SessionWatch,
    SharedSession,
    connect,
)
from session_sharing.core.events import EventType, Gap, SessionEvent
from session_sharing.server import HostOptions, SessionHost
from session_sharing.v1 import lifecycle_pb2 as pb


class LockSession(SharedSession):
    kind = "lock"


@pytest.fixture
def host() -> Iterator[SessionHost]:
    with hosted(HostOptions(api_keys={"id": "key"}, grace=0.5)) as host:
        yield host


@pytest.fixture
def options(host: SessionHost) -> ConnectOptions:
    return ConnectOptions(host.targets[0], token=host.authenticator.token)


def _threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_a_connection_that_is_closed_while_it_connects_leaves_no_stream(
    host: SessionHost, options: ConnectOptions
) -> None:
    def begin(connection: Connection) -> None:
        try:
            connection.be_present()
        except ConnectionClosedError:
            return

    for _ in range(20):
        connection = Connection(options)
        beginning = threading.Thread(target=begin, args=(connection,))
        beginning.start()
        connection.close()
        beginning.join(30)
        assert not beginning.is_alive()

    eventually(lambda: len(host.clients) == 0, within=30)
    assert _threads("session-presence") == 0


def test_the_error_of_a_call_on_a_closed_connection_says_so(options: ConnectOptions) -> None:
    connection = connect(options)
    connection.close()

    assert not connection.is_connected()
    with pytest.raises(ConnectionClosedError):
        connection.be_present()
    with pytest.raises(ConnectionClosedError):
        connection.call(connection.lifecycle.GetServerInfo, pb.GetServerInfoRequest())


def test_a_session_that_has_left_on_its_own_connection_cannot_be_reset(
    options: ConnectOptions,
) -> None:
    session = LockSession("r", options)
    session.detach()
    with pytest.raises(ConnectionClosedError):
        session.reset()


def test_a_session_on_a_borrowed_connection_is_reset_after_it_was_closed(
    options: ConnectOptions,
) -> None:
    with connect(options) as connection, LockSession("r", connection) as session:
        session.close()
        session.reset()
        assert session.new_session


def test_two_threads_that_leave_at_once_leave_once(
    host: SessionHost, options: ConnectOptions
) -> None:
    with connect(options) as connection:
        session = LockSession("r", connection)
        threads = [threading.Thread(target=session.detach) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    types = [event.type for event in host.registry.events.since(1)[0]]  # type: ignore[union-attr]
    assert types == [EventType.OPENED, EventType.DETACHED, EventType.CLOSED]


def test_a_session_that_may_not_be_closed_stays_attached(
    host: SessionHost, options: ConnectOptions
) -> None:
    with LockSession("r", options):
        with LockSession("r", options.with_api_key("key", "id")) as theirs:
            with pytest.raises(NotPermittedError):
                theirs.close()
            assert len(host.registry.sessions()[0].attachments) == 2
        assert len(host.registry.sessions()[0].attachments) == 1


def test_leaving_cannot_close_the_session_of_another_identity(
    host: SessionHost, options: ConnectOptions
) -> None:
    leave = SessionOptions(InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE)
    with LockSession("r", options):
        with pytest.raises(NotPermittedError):
            LockSession("r", options.with_api_key("key", "id"), leave)
        assert len(host.registry.sessions()[0].attachments) == 1


def test_an_error_inside_the_block_comes_before_one_of_leaving() -> None:
    with pytest.raises(ZeroDivisionError), hosted(HostOptions(grace=0.1)) as host:
        options = ConnectOptions(
            host.targets[0], token=host.authenticator.token, timeout=2.0, attempts=1
        )
        with LockSession("r", options) as session:
            session.connection.channel.close()
            raise ZeroDivisionError


def test_a_thread_that_waits_for_an_event_wakes_when_the_watch_is_closed(
    options: ConnectOptions,
) -> None:
    with connect(options) as connection:
        watch = SessionWatch(connection)
        got: list[object] = []
        waiter = threading.Thread(target=lambda: got.append(watch.get_event()))
        waiter.start()
        watch.close()
        waiter.join(30)

    assert got == [None]
    assert _threads("session-watch") == 0


def test_a_thread_that_waits_for_an_event_gets_an_error_when_the_connection_is_closed(
    options: ConnectOptions,
) -> None:
    connection = connect(options)
    watch = SessionWatch(connection)
    told: list[BaseException] = []

    def wait() -> None:
        try:
            watch.get_event()
        except ConnectionClosedError as error:
            told.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    connection.close()
    waiter.join(30)

    assert len(told) == 1
    watch.close()


def test_a_callback_that_fails_still_gets_the_next_event(options: ConnectOptions) -> None:
    seen: list[str] = []
    closed = threading.Event()

    def note(event: SessionEvent | Gap) -> None:
        assert isinstance(event, SessionEvent)
        seen.append(event.type.name)
        if event.type is EventType.CLOSED:
            closed.set()
        raise RuntimeError("as told")

    with connect(options) as connection, SessionWatch(connection, on_event=note):
        with LockSession("r", connection):
            pass
        assert closed.wait(30)

    assert seen == ["OPENED", "DETACHED", "CLOSED"]


def test_a_callback_may_close_its_watch(options: ConnectOptions) -> None:
    with connect(options) as connection:
        watch: SessionWatch
        called = threading.Event()

        def close(event: SessionEvent | Gap) -> None:
            watch.close()
            called.set()

        watch = SessionWatch(connection, on_event=close)
        with LockSession("r", connection):
            assert called.wait(30)
        eventually(lambda: _threads("session-watch") == 0, within=30)


def test_the_error_for_a_server_that_has_ended_comes_within_the_timeout() -> None:
    with hosted(HostOptions(grace=0.1)) as host:
        options = ConnectOptions(
            host.targets[0], token=host.authenticator.token, timeout=1.0, presence=False
        )
        connection = connect(options)
    with pytest.raises(ServerUnavailableError):
        connection.call(connection.lifecycle.GetServerInfo, pb.GetServerInfoRequest())
    connection.close()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_leaving_a_server_that_has_ended_takes_no_longer_than_the_grace(
    server: LockServer, end: str
) -> None:
    session = LockSession("r", ConnectOptions(server.target, timeout=30.0))
    getattr(server, end)()

    started = time.monotonic()
    with pytest.raises(ServerUnavailableError), session:
        pass
    assert time.monotonic() - started < 3.0


def test_an_error_in_the_block_is_not_hidden_by_a_server_that_has_ended(
    server: LockServer,
) -> None:
    started = time.monotonic()
    with (
        pytest.raises(ZeroDivisionError),
        LockSession("r", ConnectOptions(server.target, timeout=30.0)),
    ):
        server.kill()
        raise ZeroDivisionError
    assert time.monotonic() - started < 3.0


def test_leaving_waits_for_a_slow_resource() -> None:
    class Slow(Lock):
        def close(self) -> None:
            closing.set()
            assert go_on.wait(20)

    closing, go_on = threading.Event(), threading.Event()
    options = HostOptions(window=0.5, grace=0.5)
    with hosted(options, {"lock": Slow}) as host:
        session = LockSession("r", ConnectOptions(host.targets[0], host.authenticator.token))
        calls = host.counters.sums
        before = calls["calls"]
        leaving = threading.Thread(target=session.detach)
        leaving.start()
        assert closing.wait(30)
        eventually(lambda: calls["calls"] - before >= 2, within=10)  # the client has asked twice
        assert leaving.is_alive()
        go_on.set()
        leaving.join(30)
        assert not leaving.is_alive()
        assert len(host.registry) == 0
