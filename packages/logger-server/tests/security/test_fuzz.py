"""T28, T45: every message to every call gets a clear answer, and the server continues."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from capabilities import needs_whole_sends
from fuzzing import SECRET, requests, values
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_logger_proto import json_logger_pb2
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from logger_bench import LoggerBench
from logger_process import LoggerProcess
from open_files import count_handles
from processes import eventually
from raw_calls import answers, served_methods
from session_sharing.server import CallLimits
from session_sharing.v1 import lifecycle_pb2

SERVICES = [
    lifecycle_pb2.DESCRIPTOR.services_by_name["SessionLifecycle"],
    json_logger_pb2.DESCRIPTOR.services_by_name["JsonLogger"],
    ext.DESCRIPTOR.services_by_name["JsonLoggerExt"],
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
]
METHODS = [method for service in SERVICES for method in service.methods]
NEVER = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
LARGEST = CallLimits().max_message_bytes
"""Bytes of a request that the server takes."""

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)


@pytest.fixture
def bench(anonymous: LoggerProcess, folder: Path) -> Iterator[LoggerBench]:
    with ExitStack() as stack:
        yield LoggerBench(anonymous.connect(), folder, stack)


@pytest.fixture
def opened(bench: LoggerBench) -> lifecycle_pb2.OpenResponse:
    """Open a log with a record; requests may name its session and attachment."""
    opened = bench.open("live.log")
    bench.append(opened.attachment)
    return opened


@pytest.fixture(autouse=True)
def and_the_server_goes_on(anonymous: LoggerProcess, bench: LoggerBench) -> Iterator[None]:
    log = anonymous.folder / "server.err"
    before = len(log.read_text())
    yield
    bench.lifecycle.GetServerInfo(lifecycle_pb2.GetServerInfoRequest(), timeout=60)
    assert anonymous.process.poll() is None
    told = log.read_text()[before:]
    # gRPC itself reports this when the caller has ended.
    assert told.count("Traceback") == told.count("ExecuteBatchError raised in core"), told


def status_of(
    bench: LoggerBench, method: MethodDescriptor, *messages: bytes, **options: Any
) -> grpc.StatusCode:
    """Call a method. If only the server continues a stream, the first answer is enough."""
    stream = answers(bench.channel, method, *messages, **options)
    try:
        next(stream, None)
        if method.client_streaming:
            for _ in stream:
                pass
        else:
            stream.close()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def waits_for_records(method: MethodDescriptor, message: bytes) -> bool:
    """Return whether a call may wait without an answer."""
    try:
        return method.name == "Tail" and ext.TailRequest.FromString(message).follow
    except DecodeError:
        return False


def test_every_call_that_is_served_is_fuzzed(bench: LoggerBench) -> None:
    served = {method.full_name for method in served_methods(bench.channel)}
    assert served == {method.full_name for method in METHODS}


@every_method
def test_anything_that_is_sent_gets_a_clear_answer(
    method: MethodDescriptor,
    anonymous: LoggerProcess,
    bench: LoggerBench,
    opened: lifecycle_pb2.OpenResponse,
) -> None:
    process = psutil.Process(anonymous.pid)
    before = process.num_threads()
    most = 4 if method.client_streaming else 1
    request = requests(method, values([opened.attachment, opened.session_name]))

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(request, min_size=1, max_size=most))
    def send(messages: list[bytes]) -> None:
        may_wait = waits_for_records(method, messages[0])
        status = status_of(bench, method, *messages, timeout=0.2 if may_wait else 60)
        assert status not in NEVER
        assert may_wait or status is not grpc.StatusCode.DEADLINE_EXCEEDED, "it hung"

    send()

    assert process.num_threads() <= before + 40, "workers are bounded"


@needs_whole_sends
@every_method
def test_a_message_that_is_too_large_is_refused(
    method: MethodDescriptor, bench: LoggerBench
) -> None:
    status = status_of(bench, method, bytes(LARGEST + 1), timeout=60)
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("name", ["Open", "Watch", "AppendStream"])
def test_a_packed_message_is_refused_unpacked(name: str, bench: LoggerBench) -> None:
    method = next(method for method in METHODS if method.name == name)
    packed = grpc.Compression.Gzip
    status = status_of(bench, method, bytes(1 << 30), compression=packed, timeout=120)
    assert status is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "path",
    [
        "/session_sharing.v1.SessionLifecycle/Reopen",
        "/session_sharing.v1.SessionLifecycle/",
        "/session_sharing.v1.SessionLifecycle/Open/Open",
        "/session_sharing.v2.SessionLifecycle/Open",
        "/json_logger.JsonLogger/initializefile",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/" + "x" * 5000 + "/y",
        "//",
        "/",
    ],
)
def test_a_call_that_is_not_served_is_unimplemented(path: str, bench: LoggerBench) -> None:
    for message in (b"", b"\x08", SECRET * 100):
        with pytest.raises(grpc.RpcError) as refused:
            bench.channel.unary_unary(path)(message, timeout=60)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def _reasonable_requests(chance: random.Random, opened: lifecycle_pb2.OpenResponse) -> list[bytes]:
    """Return requests with which a stream of any call begins."""
    session, attachment = opened.session_name, opened.attachment
    return [
        lifecycle_pb2.HoldRequest(client_secret=chance.randbytes(16)).SerializeToString(),
        lifecycle_pb2.WatchRequest(from_revision=1).SerializeToString(),
        ext.TailRequest(session_name=session, follow=True, from_seq=99).SerializeToString(),
        ext.AppendRequest(attachment=attachment, ndjson=chance.randbytes(99)).SerializeToString(),
        health_pb2.HealthCheckRequest(service=str(chance.random())).SerializeToString(),
        reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString(),
        b"",
        chance.randbytes(50),
    ]


def _send_and_leave(bench: LoggerBench, method: MethodDescriptor, message: bytes) -> None:
    """Call a method and be gone after the first answer, or soon; a request stream is left open."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    raw: Any = bench.channel
    over = threading.Event()

    def messages() -> Iterator[bytes]:
        yield message
        over.wait()

    if method.client_streaming:
        call = raw.stream_stream(path)(messages(), timeout=60)
    elif method.server_streaming:
        call = raw.unary_stream(path)(message, timeout=60)
    else:
        call = raw.unary_unary(path).future(message, timeout=60)
    if method.name != "Tail":
        with contextlib.suppress(grpc.RpcError):
            next(call) if method.server_streaming else call.result()
    call.cancel()
    over.set()


@pytest.mark.parametrize("rounds", [20, pytest.param(500, marks=pytest.mark.soak)])
def test_no_memory_is_kept_of_sent_records_or_of_abandoned_streams(
    rounds: int,
    anonymous: LoggerProcess,
    bench: LoggerBench,
    opened: lifecycle_pb2.OpenResponse,
) -> None:
    chance = random.Random(45)
    process = psutil.Process(anonymous.pid)

    def send(times: int) -> None:
        for _ in range(times):
            for message in _reasonable_requests(chance, opened):
                for method in METHODS:
                    _send_and_leave(bench, method, message)

    def counters() -> dict[str, float]:
        info = bench.lifecycle.GetServerInfo(lifecycle_pb2.GetServerInfoRequest())
        return {name: info.counters[name] for name in ("clients", "sessions")}

    send(10)  # threads are started and buffers are filled up
    descriptors, threads = count_handles(process), process.num_threads()
    memory, here = process.memory_info().rss, counters()
    send(rounds)

    eventually(lambda: counters() == here)
    eventually(lambda: count_handles(process) <= descriptors)
    assert process.num_threads() <= threads + 2
    growth = process.memory_info().rss - memory
    assert growth < 8 * 1024 * 1024, f"{growth} bytes more"
