"""T29, T33, T42: faulty callers and resources do not affect other clients."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from capabilities import needs_unix_sockets
from hosting import Lock, hosted
from processes import Process, eventually, server_address
from session_sharing import (
    InitializationBehavior,
    InvalidArgumentError,
    SessionAlreadyOpenError,
    SessionNotFoundError,
)
from session_sharing.client import (
    CallTimeoutError,
    ConnectOptions,
    SessionOptions,
    SessionWatch,
    SharedSession,
    connect,
)
from session_sharing.core.events import EventType, Gap, SessionEvent
from session_sharing.server import HostOptions, RegistryOptions, SessionHost, UnixListener
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc


class LockSession(SharedSession):
    kind = "lock"


@pytest.fixture
def host() -> Iterator[SessionHost]:
    with hosted(HostOptions(window=0.5, grace=0.5)) as host:
        yield host


@pytest.fixture
def options(host: SessionHost) -> ConnectOptions:
    return ConnectOptions(host.targets[0], token=host.authenticator.token)


def test_a_release_hook_that_hangs_does_not_keep_the_server_from_exiting(
    folder: Path, keep: Callable[[Process], Process]
) -> None:
    address = server_address(folder)
    server = keep(Process("stubborn_server.py", address))
    assert server.line() == "ready"
    session = LockSession("r", ConnectOptions(address.replace("tcp:", "ipv4:")))

    assert server.terminate() == 0
    session.connection.close()


def test_refusals_with_the_longest_names_arrive_in_full_class(options: ConnectOptions) -> None:
    attach = SessionOptions(InitializationBehavior.ATTACH_TO_SERVER_SESSION)
    new = SessionOptions(InitializationBehavior.INITIALIZE_SERVER_SESSION, label="\u20ac" * 4096)
    with connect(options) as connection:
        with pytest.raises(SessionNotFoundError):
            LockSession("\U0001f50c" * 4096, connection, attach)
        LockSession("r", connection, new)
        with pytest.raises(SessionAlreadyOpenError) as refusal:
            LockSession("r", connection, new)
    assert refusal.value.details["holder"].startswith("\u20ac")


def test_a_resource_whose_describe_fails_does_not_break_the_list() -> None:
    class Shy(Lock):
        def describe(self) -> dict[str, str]:
            if self.name == "shy":
                raise OSError("no")
            return {"fine": "yes", "a folder's bytes": "\udcff"}

    with hosted(HostOptions(grace=0.5), {"lock": Shy}) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        with LockSession("shy", options), LockSession("other", options) as session:
            lifecycle = session.connection.lifecycle
            found = lifecycle.ListSessions(pb.ListSessionsRequest()).sessions
    details = {info.resource: dict(info.details) for info in found}
    assert details == {
        "shy": {"error": "OSError: no"},
        "other": {"fine": "yes", "a folder's bytes": "?"},
    }


def test_callers_without_a_token_cannot_push_events_out_of_memory(host: SessionHost) -> None:
    stranger = ConnectOptions(host.targets[0]).open_channel()
    stub = lifecycle_pb2_grpc.SessionLifecycleStub(stranger)
    for _ in range(200):
        with pytest.raises(grpc.RpcError):
            stub.GetServerInfo(pb.GetServerInfoRequest())

    assert host.registry.events.revision < 100


def test_presence_goes_on_when_a_check_of_the_leases_fails(
    host: SessionHost, options: ConnectOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = host.registry.leases.expire_due, iter([True, True])

    def fail_twice() -> int:
        if next(failures, False):
            raise RuntimeError("as told")
        return look()

    monkeypatch.setattr(host.registry.leases, "expire_due", fail_twice)
    LockSession("r", options).connection.close()

    eventually(lambda: len(host.registry) == 0, within=3)


@needs_unix_sockets
def test_a_file_that_is_not_a_socket_is_not_removed(folder: Path) -> None:
    path = folder / "s" / "notes.txt"
    path.parent.mkdir(mode=0o700)
    path.write_text("mine")
    listeners = (UnixListener(path),)
    with (
        pytest.raises(InvalidArgumentError, match="not a socket"),
        hosted(HostOptions(listeners=listeners)),
    ):
        pass

    assert path.read_text() == "mine"
    assert [file.name for file in folder.rglob("*")] == ["s", "notes.txt"]


def test_a_window_shorter_than_the_pings_can_prove_is_not_granted(host: SessionHost) -> None:
    options = ConnectOptions(host.targets[0], token=host.authenticator.token, window=0.1)
    with connect(options) as connection:
        connection.be_present()
        assert connection._presence is not None
        assert connection._presence.window == 0.5


@pytest.mark.parametrize(
    "seconds", [5, pytest.param(180, marks=[pytest.mark.soak, pytest.mark.timeout(300)])]
)
def test_an_idle_connection_with_pings_is_not_disconnected(seconds: int) -> None:
    states: list[grpc.ChannelConnectivity] = []
    # With a long window, a pause of a busy machine is not taken for a silent client.
    with hosted(HostOptions(window=60.0)) as host:
        options = ConnectOptions(
            host.targets[0], token=host.authenticator.token, keepalive=1.0, presence=False
        )
        with connect(options) as connection:
            connection.channel.subscribe(states.append)
            eventually(lambda: states[-1:] == [grpc.ChannelConnectivity.READY], within=30)
            time.sleep(seconds)  # the test is about this idle time

            assert states[-1] is grpc.ChannelConnectivity.READY
            assert grpc.ChannelConnectivity.IDLE not in states[1:]
            assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states


def test_a_watcher_that_reads_too_slowly_gets_a_gap(
    host: SessionHost, options: ConnectOptions
) -> None:
    published = 12_000
    with connect(options) as connection, SessionWatch(connection) as watch:
        for _ in range(published):
            event = SessionEvent(EventType.REFUSED, resource="x" * 4000)
            host.registry.events.publish(event)

        seen: list[int] = []
        gaps = 0
        while not seen or seen[-1] < published:
            event_or_gap = watch.get_event(timeout=60)
            assert event_or_gap is not None
            if isinstance(event_or_gap, Gap):
                gaps += 1
                seen.extend(range(event_or_gap.first, event_or_gap.last + 1))
            else:
                seen.append(event_or_gap.revision)

    assert seen == list(range(1, published + 1))
    assert gaps >= 1, "what was not read was dropped, and not kept for the watcher"


def test_resources_that_hang_in_opening_use_up_no_threads_for_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on a network drive that was disconnected: every caller that asks for it waits."""
    go_on = threading.Event()

    class Hanging(Lock):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            if name.startswith("hang"):
                assert go_on.wait(20)

    registry = RegistryOptions(release_timeout=0.2)
    options = HostOptions(workers=2, grace=0.5, registry=registry)
    with hosted(options, {"lock": Hanging}) as host:
        connect_options = ConnectOptions(host.targets[0], host.authenticator.token, timeout=0.3)
        for number in range(6):
            with pytest.raises(CallTimeoutError):
                LockSession(f"hang-{number}", connect_options)
        with LockSession("good", replace(connect_options, timeout=5.0)) as session:
            assert session.new_session
        go_on.set()
        eventually(lambda: len(host.registry) == 0, within=30)
    gc.collect()
    assert "never retrieved" not in caplog.text
