"""T42: the server counts and limits what calls use, and identities share it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import grpc
import pytest
from hosting import hosted
from processes import eventually
from raw_calls import assert_refused
from session_sharing import InvalidArgumentError, LimitExceededError
from session_sharing.client import ConnectOptions, connect
from session_sharing.server import CallLimits, HostOptions, SessionHost
from session_sharing.v1 import lifecycle_pb2 as pb

KEYS = {"greedy": "g" * 32, "honest": "h" * 32}
LIMITS = CallLimits(max_reads=8)
SERVICE = pb.DESCRIPTOR.services_by_name["SessionLifecycle"].full_name
MANY = 200


@pytest.fixture
def host() -> Iterator[SessionHost]:
    with hosted(HostOptions(api_keys=KEYS, calls=LIMITS)) as host:
        yield host


def options_of(host: SessionHost, who: str) -> ConnectOptions:
    return ConnectOptions(host.targets[0], timeout=10.0).with_api_key(KEYS[who], who)


class GreedyCalls:
    """Calls of one identity that never finish, on as many connections as they need."""

    def __init__(self, host: SessionHost, stack: ExitStack) -> None:
        self._host = host
        self._stack = stack
        self._never = threading.Event()
        stack.callback(self._never.set)

    def channel(self) -> grpc.Channel:
        return self._stack.enter_context(connect(options_of(self._host, "greedy"))).channel

    def never_send(self, channel: grpc.Channel) -> grpc.Future:
        """Begin a call whose request does not come."""

        def requests() -> Iterator[bytes]:
            self._never.wait()
            yield from ()

        future = channel.stream_unary(f"/{SERVICE}/ListSessions").future(requests())
        self._stack.callback(future.cancel)
        return future


@pytest.fixture
def greedy(host: SessionHost) -> Iterator[GreedyCalls]:
    with ExitStack() as stack:
        yield GreedyCalls(host, stack)


def test_calls_without_requests_do_not_delay_other_calls(
    host: SessionHost, greedy: GreedyCalls
) -> None:
    channel = greedy.channel()
    begun = [greedy.never_send(channel) for _ in range(MANY)]
    with connect(options_of(host, "honest")) as honest:
        eventually(lambda: host.counters.read()["reads"] == LIMITS.max_reads // 2, within=20)
        started = time.monotonic()
        for _ in range(20):
            assert honest.is_connected()
        assert time.monotonic() - started < 5
        assert host.counters.read()["reads"] <= LIMITS.max_reads
    eventually(lambda: sum(call.done() for call in begun) > LIMITS.max_reads, within=20)
    assert {call.code() for call in begun if call.done()} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


@pytest.mark.parametrize("method", ["ListSessions", "Hold"])
def test_a_call_that_ends_without_a_request_is_refused(
    host: SessionHost, greedy: GreedyCalls, method: str
) -> None:
    call = greedy.channel().stream_stream(f"/{SERVICE}/{method}")(iter(()))
    assert_refused(lambda: call, InvalidArgumentError)


def test_a_call_that_stops_waiting_for_its_turn_leaves_it_to_others(
    host: SessionHost, greedy: GreedyCalls
) -> None:
    channel = greedy.channel()
    begun = [greedy.never_send(channel) for _ in range(MANY)]
    eventually(lambda: host.counters.read()["reads"] == LIMITS.max_reads // 2, within=20)
    for call in begun:
        call.cancel()
    eventually(lambda: host.counters.read()["reads"] == 0, within=20)
    with connect(options_of(host, "greedy")) as connection:
        assert connection.is_connected()


def test_requests_of_calls_without_data_are_limited_to_a_small_size(host: SessionHost) -> None:
    with connect(options_of(host, "honest")) as connection:
        request = pb.ListSessionsRequest(name_prefix="x" * LIMITS.max_request_bytes)
        with pytest.raises(LimitExceededError, match="This call accepts at most 262144"):
            connection.call(connection.lifecycle.ListSessions, request)


def test_a_compressed_request_is_not_decompressed(host: SessionHost) -> None:
    options = options_of(host, "honest")
    with connect(options) as connection, pytest.raises(grpc.RpcError) as refused:
        connection.lifecycle.ListSessions(
            pb.ListSessionsRequest(name_prefix="x" * 100_000), compression=grpc.Compression.Gzip
        )
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
