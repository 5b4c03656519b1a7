"""T27, P3, P5: lost answers, deadlines, restarts and many clients give no call two effects."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc
import grpc.aio
import pytest
from capabilities import needs_ends_of_killed_servers, needs_unix_sockets
from hosting import Lock, hosted
from processes import LockServer, Process, eventually
from proxy import LossyProxy
from session_sharing.client import (
    CallTimeoutError,
    ConnectOptions,
    ServerRestartedError,
    SharedSession,
    connect,
)
from session_sharing.core import events
from session_sharing.core.events import EventType
from session_sharing.server import HostOptions, SessionHost, UnixListener
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

Keep = Callable[[Process], Process]


class LockSession(SharedSession):
    kind = "lock"


class Gate(Lock):
    """A resource that opens when the test allows it; names that begin with "slow" wait."""

    opening = threading.Event()
    let = threading.Event()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        if name.startswith("slow"):
            self.opening.set()
            assert self.let.wait(20)


@contextmanager
def gated() -> Iterator[SessionHost]:
    Gate.opening, Gate.let = threading.Event(), threading.Event()
    with hosted(HostOptions(window=0.5, grace=0.5), {"lock": Gate}) as host:
        try:
            yield host
        finally:
            Gate.let.set()


def _options(host: SessionHost, **more: object) -> ConnectOptions:
    options = ConnectOptions(host.targets[0], token=host.authenticator.token)
    return replace(options, **more)  # type: ignore[arg-type]


def _event_types(host: SessionHost) -> list[str]:
    return [event.type.name for event in host.registry.events.since(1)[0]]  # type: ignore[union-attr]


def test_a_deadline_is_kept_while_a_resource_opens_slowly_and_its_session_is_undone() -> None:
    with gated() as host, connect(_options(host, timeout=0.5)) as connection:
        started = time.monotonic()
        with pytest.raises(CallTimeoutError):
            LockSession("slow", connection)
        assert time.monotonic() - started < 2.0
        # An answer that is sent at the moment of the deadline counts as received.
        eventually(lambda: len(host.clients._abandoned) == 1, within=30)
        Gate.let.set()

        eventually(lambda: "OPENED" in _event_types(host), within=30)
        eventually(lambda: len(host.registry) == 0, within=30)
        with LockSession("slow", _options(host)) as session:
            assert session.new_session


def test_a_caller_that_stops_waiting_leaves_no_session() -> None:
    with gated() as host, ExitStack() as stack:
        connection = stack.enter_context(connect(_options(host)))
        opener = threading.Thread(target=lambda: LockSession("slow", connection))
        opener.start()
        assert Gate.opening.wait(30)
        for _ in range(3):
            impatient = stack.enter_context(connect(_options(host, timeout=0.2)))
            with pytest.raises(CallTimeoutError):
                LockSession("slow", impatient)
        (slot,) = host.registry._slots._slots.values()
        eventually(lambda: len(slot.waiting) == 0, within=30)  # type: ignore[union-attr]
        Gate.let.set()
        opener.join(30)

        assert len(host.registry.sessions()[0].attachments) == 1


def test_an_open_whose_answer_was_lost_takes_effect_once() -> None:
    with hosted(HostOptions(window=30.0)) as host:
        port = int(host.targets[0].rpartition(":")[2])
        with closing(LossyProxy(port)) as proxy:
            options = replace(_options(host), target=proxy.target)
            with connect(options) as connection:  # its connection is the proxy's first
                proxy.lose_answer(0, when=lambda: len(host.registry.sessions()) == 1)
                with LockSession("r", connection) as session:
                    assert proxy.lost.is_set()
                    assert session.new_session
                    assert len(host.registry.sessions()[0].attachments) == 1
                assert _event_types(host) == ["OPENED", "DETACHED", "CLOSED"]


def test_a_link_on_which_an_answer_takes_more_than_a_second_can_be_used() -> None:
    with hosted(HostOptions(window=60.0)) as host:
        port = int(host.targets[0].rpartition(":")[2])
        with closing(LossyProxy(port, delay=0.6)) as proxy:
            options = replace(_options(host), target=proxy.target)
            with connect(options) as connection, LockSession("r", connection) as session:
                assert session.new_session


def test_a_client_that_begins_twice_at_once_is_one_client() -> None:
    with hosted(HostOptions(window=0.5)) as host, ExitStack() as stack:
        options = _options(host)
        request = pb.HoldRequest(client_secret=b"0123456789abcdef")

        def begin(_: int) -> tuple[grpc.Call, pb.HoldEvent]:
            channel = stack.enter_context(options.open_channel(own_connection=True))
            stream = lifecycle_pb2_grpc.SessionLifecycleStub(channel).Hold(request)
            return stream, next(stream)

        with ThreadPoolExecutor(8) as many:
            begun = list(many.map(begin, range(8)))

        assert len({event.granted.client_id for _, event in begun}) == 1
        assert sorted(event.granted.resumed for _, event in begun) == [False] + [True] * 7
        assert len(host.clients) == 1
        for stream, _ in begun[1:]:
            stream.cancel()
        stub = lifecycle_pb2_grpc.SessionLifecycleStub(stack.enter_context(options.open_channel()))
        secret = request.client_secret
        stub.Open(pb.OpenRequest(client_secret=secret, kind="lock", resource="r"))
        begun[0][0].cancel()
        eventually(lambda: len(host.clients) == 0, within=3)


@needs_ends_of_killed_servers
def test_after_a_kill_of_the_server_every_client_gets_an_error_and_one_opens_again(
    folder: Path, server: LockServer, keep: Keep
) -> None:
    with ExitStack() as stack:
        options = ConnectOptions(server.target)
        sessions = [stack.enter_context(LockSession("r", options)) for _ in range(6)]
        server.kill()
        keep(LockServer(folder))

        def start_anew(session: LockSession) -> bool:
            lifecycle = session.connection.lifecycle
            with pytest.raises(ServerRestartedError):
                session.call(lifecycle.Detach, pb.DetachRequest(attachment=session.attachment))
            session.reset()
            return session.new_session

        with ThreadPoolExecutor(6) as many:
            new = list(many.map(start_anew, sessions))

        assert sorted(new) == [False] * 5 + [True]
        assert len({session.session_name for session in sessions}) == 1


def test_a_clock_that_jumps_by_an_hour_changes_no_expiry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with hosted(HostOptions(window=0.5)) as host:
        stayer = LockSession("stays", _options(host))
        goer = LockSession("goes", _options(host))
        for hours in (1, -1):
            moved = timedelta(hours=hours)
            real = time.time() + moved.total_seconds()
            monkeypatch.setattr(time, "time", lambda real=real: real)
            monkeypatch.setattr(events, "utc_now", lambda moved=moved: _utc_now() + moved)
            time.sleep(
                0.8
            )  # longer than a window: a client that counted as silent would have expired
            assert {s.request.resource for s in host.registry.sessions()} == {"stays", "goes"}
        goer.connection.close()
        eventually(lambda: len(host.registry) == 1, within=2)
        stayer.close()


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


async def _end_together(target: str, number: int) -> None:
    """Let many clients hold a lock each, on separate connections, and break all at once."""
    own = [("grpc.use_local_subchannel_pool", 1)]
    credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    channels = [grpc.aio.secure_channel(target, credentials, own) for _ in range(number)]
    streams = []

    async def begin(index: int) -> None:
        secret = index.to_bytes(16, "big")
        stub = lifecycle_pb2_grpc.SessionLifecycleStub(channels[index])
        stream = stub.Hold(pb.HoldRequest(client_secret=secret))
        await stream.read()
        streams.append(stream)
        await stub.Open(pb.OpenRequest(client_secret=secret, kind="lock", resource=f"r{index}"))

    for first in range(0, number, 50):
        await asyncio.gather(*map(begin, range(first, min(first + 50, number))))
    await asyncio.gather(*(channel.close() for channel in channels))


@pytest.mark.parametrize(
    "number", [60, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(300)])]
)
@needs_unix_sockets
def test_many_clients_that_end_together_all_end(number: int, folder: Path) -> None:
    listener = UnixListener(folder / "s" / "lock")
    with hosted(HostOptions(listeners=(listener,), window=2.0)) as host:
        asyncio.run(_end_together(host.targets[0], number))

        eventually(lambda: len(host.registry) == 0, within=2.0 if number < 100 else 10.0)
        assert len(host.clients) == 0
        assert host.counters.sums["sessions_opened"] == number
        closed = host.counters.sums[f"sessions_{EventType.CLOSED.name.lower()}"]
        assert closed == number
