"""Cause the errors that every call of every service can raise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import grpc
from error_page import Case, case
from google.protobuf.descriptor import MethodDescriptor
from raw_calls import answers
from session_sharing import InvalidArgumentError, LimitExceededError, NotAuthenticatedError
from session_sharing.client import from_rpc_error
from session_sharing.server import CallLimits, SessionHost
from session_sharing.v1 import lifecycle_pb2, lifecycle_pb2_grpc

CALL_LIMITS = CallLimits(
    max_message_bytes=10_000, max_request_bytes=8_000, max_bytes=8_500, max_streams=5
)
"""Limits of the host on which these cases are tried."""
_GUESS = "Bearer guess"


@dataclass(frozen=True, slots=True)
class AnyCall:
    """One method of a host, to be called with any bytes."""

    host: SessionHost
    channel: grpc.Channel
    method: MethodDescriptor

    def send(self, message: bytes, authorization: str | None = None) -> Iterator[bytes]:
        """Call the method with an authorization; None for the user's."""
        shown = self.mine if authorization is None else authorization
        metadata = (("authorization", shown),) if shown else ()
        return answers(self.channel, self.method, message, metadata=metadata, timeout=60)

    @property
    def mine(self) -> str:
        """The user's authorization."""
        return f"Bearer {self.host.authenticator.token}"


CASES: list[Case] = []
_case = partial(case, CASES, "every call")
STREAM_CASES: list[Case] = []
_stream = partial(case, STREAM_CASES, "every stream")


@_case(NotAuthenticatedError, "the call has no token")
def _(call: AnyCall) -> object:
    return call.send(b"", authorization="")


@_case(NotAuthenticatedError, "the call has a wrong token")
def _(call: AnyCall) -> object:
    return call.send(b"", _GUESS)


@_case(LimitExceededError, "there were too many calls without a token, or with a wrong one")
def _(call: AnyCall) -> None:
    while True:
        try:
            next(call.send(b"", _GUESS))
        except grpc.RpcError as refusal:
            if not isinstance(from_rpc_error(refusal), NotAuthenticatedError):
                raise


@_case(
    LimitExceededError,
    "the message is larger than the server accepts; gRPC itself refuses it",
    by_grpc=True,
)
def _(call: AnyCall) -> object:
    return call.send(bytes(CALL_LIMITS.max_message_bytes + 1))


@_case(
    LimitExceededError,
    "the request is larger than this call accepts, or the requests and answers of this identity "
    "have too many bytes at a time",
)
def _(call: AnyCall) -> object:
    return call.send(bytes(CALL_LIMITS.max_message_bytes - 1_000))


@_case(InvalidArgumentError, "the bytes are not a message")
def _(call: AnyCall) -> object:
    return call.send(b"\x08")


@_stream(LimitExceededError, "this identity has too many streams open, over all its connections")
def _(call: AnyCall) -> None:
    watch = lifecycle_pb2_grpc.SessionLifecycleStub(call.channel).Watch
    metadata = (("authorization", call.mine),)
    streams = [
        watch(lifecycle_pb2.WatchRequest(), metadata=metadata)
        for _ in range(CALL_LIMITS.max_streams)
    ]
    try:
        for stream in streams:
            next(stream)
        next(call.send(b""))
    finally:
        for stream in streams:
            stream.cancel()


def on_every(calls: tuple[str, ...]) -> list[Case]:
    """Return the cases once for each of these calls."""
    return [replace(common, call=call) for call in calls for common in CASES]
