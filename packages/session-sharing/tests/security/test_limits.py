"""T28, T42: a client that asks for too much is refused, and other clients go on."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from capabilities import needs_limits
from hosting import hosted
from processes import eventually
from session_sharing import LimitExceededError
from session_sharing.client import Connection, ConnectOptions, SharedSession, connect
from session_sharing.server import (
    CallLimits,
    HostOptions,
    Limits,
    RegistryOptions,
    SessionHost,
    raise_descriptor_limit,
    sessions_for,
)
from session_sharing.v1 import lifecycle_pb2 as pb


class LockSession(SharedSession):
    kind = "lock"


@pytest.fixture
def host() -> Iterator[SessionHost]:
    limits = Limits(max_sessions=3, max_attachments=2, max_clients=4, max_name_length=100)
    options = HostOptions(
        registry=RegistryOptions(limits=limits), calls=CallLimits(max_message_bytes=10_000)
    )
    with hosted(options) as host:
        yield host


@pytest.fixture
def options(host: SessionHost) -> ConnectOptions:
    return ConnectOptions(host.targets[0], token=host.authenticator.token, label="tester")


def test_sessions_are_limited_and_can_be_opened_again_after_a_close(
    options: ConnectOptions,
) -> None:
    with connect(options) as connection:
        held = [LockSession(f"r{number}", connection) for number in range(3)]
        with pytest.raises(LimitExceededError, match="3 sessions"):
            LockSession("one too many", connection)
        held[0].close()
        LockSession("now it fits", connection)


def test_attachments_to_one_session_are_limited(options: ConnectOptions) -> None:
    with connect(options) as connection:
        for _ in range(2):
            LockSession("r", connection)
        with pytest.raises(LimitExceededError, match="attachments"):
            LockSession("r", connection)


def test_clients_are_limited_and_present_clients_go_on(options: ConnectOptions) -> None:
    connections = [Connection(options) for _ in range(5)]
    for connection in connections[:4]:
        connection.be_present()
    with pytest.raises(LimitExceededError, match="clients"):
        connections[4].be_present()

    assert connections[0].is_connected()
    for connection in connections:
        connection.close()


def test_names_are_limited(options: ConnectOptions) -> None:
    with pytest.raises(LimitExceededError, match="101 characters"):
        LockSession("x" * 101, options)


def test_calls_over_the_limit_of_one_connection_wait_and_other_connections_are_served() -> None:
    with hosted(HostOptions(max_calls=3)) as host:
        options = ConnectOptions(
            host.targets[0], token=host.authenticator.token, presence=False, timeout=1.0
        )
        with connect(options) as greedy, connect(options) as other:
            watches = [greedy.lifecycle.Watch(pb.WatchRequest()) for _ in range(3)]
            for watch in watches:
                next(watch)
            assert not greedy.is_connected(timeout=0.3)
            assert other.is_connected()
            watches[0].cancel()
            assert greedy.is_connected()


def test_streams_of_an_identity_are_limited_over_all_its_connections() -> None:
    keys = {"station": "k" * 32}
    with hosted(HostOptions(calls=CallLimits(max_streams=6), api_keys=keys)) as host:
        mine = ConnectOptions(host.targets[0], token=host.authenticator.token, presence=False)
        theirs = ConnectOptions(host.targets[0], presence=False).with_api_key("k" * 32, "station")
        with connect(mine) as one, connect(mine) as two, connect(theirs) as other:
            watches = [c.lifecycle.Watch(pb.WatchRequest()) for c in (one, one, two)]
            for watch in watches:
                next(watch)
            with pytest.raises(grpc.RpcError) as refused:
                next(two.lifecycle.Watch(pb.WatchRequest()))
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            next(other.lifecycle.Watch(pb.WatchRequest()))
            watches[0].cancel()
            eventually(lambda: _answers(two.lifecycle.Watch(pb.WatchRequest())), within=30)


def _answers(stream: grpc.Call) -> bool:
    try:
        next(stream)
    except grpc.RpcError:
        return False
    return True


def test_a_message_that_is_too_large_is_refused_and_the_connection_goes_on(
    options: ConnectOptions,
) -> None:
    with connect(options) as connection:
        request = pb.ListSessionsRequest(name_prefix="x" * 20_000)
        with pytest.raises(LimitExceededError):
            connection.call(connection.lifecycle.ListSessions, request)
        assert connection.is_connected()


def test_the_server_remembers_a_limited_number_of_a_clients_requests(
    host: SessionHost, options: ConnectOptions
) -> None:
    with connect(options) as connection:
        for _ in range(600):
            LockSession("r", connection).detach()
        client = next(iter(host.clients._clients.values()))
        assert len(client.opens) <= 256


def test_sessions_leave_room_for_connections_among_the_descriptors() -> None:
    assert sessions_for(1024, wanted=10_000) == 768
    assert sessions_for(100_000, wanted=10_000) == 10_000


@needs_limits
def test_the_descriptor_limit_is_raised_to_what_the_system_allows() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        assert raise_descriptor_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
