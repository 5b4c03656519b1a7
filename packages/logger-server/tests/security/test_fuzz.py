"""T45: whatever bytes and values are sent, the answer is a clear status, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_logger_proto import json_logger_pb2
from json_logger_proto.ext.v1 import json_logger_ext_pb2
from logger_process import LoggerProcess
from session_sharing.v1 import lifecycle_pb2

SERVICES = [
    lifecycle_pb2.DESCRIPTOR.services_by_name["SessionLifecycle"],
    json_logger_pb2.DESCRIPTOR.services_by_name["JsonLogger"],
    json_logger_ext_pb2.DESCRIPTOR.services_by_name["JsonLoggerExt"],
    health_pb2.DESCRIPTOR.services_by_name["Health"],
]
# Watch waits for events by design; bytes that are no message are sent to it elsewhere.
METHODS = [m for service in SERVICES for m in service.methods if m.name != "Watch"]
STREAMS = {"Hold", "Tail"}
NEVER = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}

NAMES = st.sampled_from(["", "a.log", "b.ndjson", "../x.log", "/etc/x.log", "\0.log", "json-log"])
VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: NAMES | st.text(max_size=50),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=200) | st.just(b"0123456789abcdef"),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_ENUM: st.integers(-3, 9),
}


@st.composite
def messages(draw: st.DrawFn, descriptor: Any) -> Message:
    """A message with any values in any of its fields."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if not draw(st.booleans()):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name)[draw(NAMES)] = draw(st.text(max_size=20))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(messages(field.message_type)))
        else:
            setattr(message, field.name, draw(VALUES[field.type]))
    return message


@st.composite
def requests(draw: st.DrawFn, method: MethodDescriptor) -> bytes:
    message: bytes = draw(messages(method.input_type)).SerializeToString()
    garbage = draw(st.binary(max_size=100))
    half = message[: len(message) // 2]
    return draw(st.sampled_from([message, garbage, half, message + garbage]))


@pytest.fixture(scope="module")
def channel(anonymous: LoggerProcess) -> Iterator[grpc.Channel]:
    with anonymous.channel() as channel:
        yield channel


def _call(channel: grpc.Channel, method: MethodDescriptor, data: bytes) -> grpc.StatusCode:
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.name == "AppendStream":
            for _ in channel.stream_stream(path)(iter([data, data]), timeout=5):
                pass
        elif method.name in STREAMS:
            stream = channel.unary_stream(path)(data, timeout=5)
            next(stream, None)
            stream.cancel()
        else:
            channel.unary_unary(path)(data, timeout=5)
    except grpc.RpcError as error:
        return error.code()  # type: ignore[attr-defined,no-any-return]
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_anything_that_is_sent_gets_a_clear_answer(
    method: MethodDescriptor, channel: grpc.Channel, anonymous: LoggerProcess
) -> None:
    process = psutil.Process(anonymous.pid)
    before = process.num_threads()

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(requests(method))
    def send(data: bytes) -> None:
        code = _call(channel, method, data)
        assert code not in NEVER
        assert code is not grpc.StatusCode.DEADLINE_EXCEEDED, "it hung"

    send()

    assert anonymous.process.poll() is None
    assert process.num_threads() <= before + 40, "workers are bounded"
    assert "Traceback" not in (anonymous.folder / "server.err").read_text()
