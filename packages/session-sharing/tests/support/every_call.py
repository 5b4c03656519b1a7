"""What every call of every service refuses, whoever serves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import grpc
from error_page import Case, case
from google.protobuf.descriptor import MethodDescriptor
from raw_calls import answers
from session_sharing.client.errors import from_rpc_error
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NotAuthenticatedError,
)
from session_sharing.server import SessionHost

LARGEST = 10_000
"""Bytes of a request that a host takes on which these cases are tried."""
_GUESS = "Bearer guess"


@dataclass(frozen=True, slots=True)
class AnyCall:
    """One method of a host, to be called with anything."""

    host: SessionHost
    channel: grpc.Channel
    method: MethodDescriptor

    def send(self, message: bytes, authorization: str | None = None) -> Iterator[bytes]:
        """Call it with this authorization; None for the user's."""
        mine = f"Bearer {self.host.authenticator.token}"
        word = mine if authorization is None else authorization
        metadata = (("authorization", word),) if word else ()
        return answers(self.channel, self.method, message, metadata=metadata, timeout=10)


CASES: list[Case] = []
_case = partial(case, CASES, "every call")


@_case(NotAuthenticatedError, "no token")
def _(call: AnyCall) -> object:
    return call.send(b"", authorization="")


@_case(NotAuthenticatedError, "a wrong one")
def _(call: AnyCall) -> object:
    return call.send(b"", _GUESS)


@_case(LimitExceededError, "too many callers without a token, or with a wrong one, just now")
def _(call: AnyCall) -> None:
    while True:
        try:
            next(call.send(b"", _GUESS))
        except grpc.RpcError as refusal:
            if not isinstance(from_rpc_error(refusal), NotAuthenticatedError):
                raise


@_case(
    LimitExceededError,
    "a message that is larger than the server takes, which gRPC itself refuses",
    by_grpc=True,
)
def _(call: AnyCall) -> object:
    return call.send(bytes(LARGEST + 1))


@_case(InvalidArgumentError, "the bytes are no message")
def _(call: AnyCall) -> object:
    return call.send(b"\x08")


def on_every(calls: tuple[str, ...]) -> list[Case]:
    """Give the cases as those of each of these calls."""
    return [replace(common, call=call) for call in calls for common in CASES]
