"""Call any method with any bytes, without stubs, and read refusals as grpcio's own tool does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from session_sharing.client import SessionSharingError, from_rpc_error


def served_methods(channel: grpc.Channel, **options: Any) -> list[MethodDescriptor]:
    """Return all methods of a server from its reflection, with those of reflection itself."""
    reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = next(reflect(iter([request]), **options)).list_services_response.service
    names = {service.name for service in listed} | {reflection.SERVICE_NAME}
    find = descriptor_pool.Default().FindServiceByName
    return [method for name in sorted(names) for method in find(name).methods]


def answers(
    channel: grpc.Channel, method: MethodDescriptor, *messages: bytes, **options: Any
) -> Generator[bytes, None, None]:
    """Call a method and yield its answers; a stream is cancelled when the reader stops.

    Args:
        channel: A channel to the server.
        method: The method.
        messages: The requests, encoded or not; several only if the method streams its requests.
        options: As for every gRPC call: `timeout`, `metadata`, `compression`.
    """
    path = f"/{method.containing_service.full_name}/{method.name}"
    raw: Any = channel  # the stubs know no calls without serializers
    if not method.server_streaming:
        yield raw.unary_unary(path)(messages[0], **options)
        return
    if method.client_streaming:
        call = raw.stream_stream(path)(iter(messages), **options)
    else:
        call = raw.unary_stream(path)(messages[0], **options)
    try:
        yield from call
    finally:
        call.cancel()


def assert_refused(
    call: Callable[[], object], error: type[SessionSharingError], *, by_grpc: bool = False
) -> None:
    """Make a call, and check that its error can be read by every gRPC tool and by our clients.

    Args:
        call: Makes the call; if it returns an iterator, that is read to its end.
        error: Class of the error that the server raised.
        by_grpc: gRPC itself refuses, without a reason.
    """
    with pytest.raises(grpc.RpcError) as refused:
        answer = call()
        if isinstance(answer, Iterator):
            for _ in answer:
                pass
    assert refused.value.code().name == error.status
    assert type(from_rpc_error(refused.value)) is error, "the client raises the server's class"
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(refused.value)
    if status is not None:
        assert status.details[0].Unpack(info)
    reason, domain = ("", "") if by_grpc else (error.reason, "session-sharing")
    assert (info.reason, info.domain) == (reason, domain)
