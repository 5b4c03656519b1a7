"""Errors on the client's side: the core's, brought back from the wire, and a few of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import grpc

from session_sharing.core import errors as core
from session_sharing.core.errors import SessionExpiredError, SessionSharingError
from session_sharing.v1 import status_pb2


class ServerUnavailableError(SessionSharingError):
    """The server cannot be reached, or went away during the call."""

    status = "UNAVAILABLE"
    reason = "SERVER_UNAVAILABLE"


class CallTimeoutError(SessionSharingError):
    """The server did not answer in time; whether the call took effect is not known."""

    status = "DEADLINE_EXCEEDED"
    reason = "CALL_TIMEOUT"


class ConnectionClosedError(SessionSharingError):
    """The call was made on a connection, or channel, that this program has closed."""

    status = "CANCELLED"
    reason = "CONNECTION_CLOSED"


class ServerRestartedError(SessionExpiredError):
    """The server was started anew since this session was opened; `reset()` opens it again."""

    reason = "SERVER_RESTARTED"


class InheritedClientError(SessionSharingError):
    """A forked child process used a client, a session or a stream of its parent process."""

    status = "FAILED_PRECONDITION"
    reason = "INHERITED_CLIENT"


class ReentrantCallError(SessionSharingError):
    """A `__del__` or a weakref callback waited for the very thread in which it ran."""

    status = "FAILED_PRECONDITION"
    reason = "REENTRANT_CALL"


class UnexpectedStatusError(SessionSharingError):
    """The server answered with a status that session sharing does not use."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]  # known only at run time


def _subclasses(cls: type[SessionSharingError]) -> Iterator[type[SessionSharingError]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


_BY_REASON = {
    cls.reason: cls for cls in _subclasses(SessionSharingError) if cls.__module__ == core.__name__
}
_ENDED_HERE = ("Channel closed!", "Locally cancelled by application!")
"""What gRPC says when not the server but this program ended a call."""
_TOO_LARGE = re.compile(r"message larger than max \((?P<size>\d+) vs\. (?P<limit>\d+)\)")
"""What gRPC says of a message that it did not let through."""
_BY_STATUS = {
    grpc.StatusCode.UNAVAILABLE: ServerUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: CallTimeoutError,
    grpc.StatusCode.CANCELLED: ServerUnavailableError,
    grpc.StatusCode.UNAUTHENTICATED: core.NotAuthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: core.LimitExceededError,
}


CALL_ERRORS = (grpc.RpcError, ValueError)
"""What a call raises; a `ValueError` tells that its channel is closed."""


def from_rpc_error(error: grpc.RpcError | ValueError) -> SessionSharingError:
    """Bring back the error that a server raised, of the same class where it tells its reason."""
    if isinstance(error, ValueError):
        return ConnectionClosedError(str(error))
    if not hasattr(error, "code"):
        return ServerUnavailableError(str(error))
    call: grpc.Call = error  # type: ignore[assignment]  # what every failed call raises is both
    message = call.details() or call.code().name
    info = _error_info(call)
    if info is not None and info.reason in _BY_REASON:
        return _BY_REASON[info.reason](message, **dict(info.metadata))
    if (size := _TOO_LARGE.search(message)) is not None:
        return core.LimitExceededError(
            f"The request has {size['size']} bytes; {size['limit']} are taken at most.",
            limit="message_bytes",
        )
    if message in _ENDED_HERE:
        return ConnectionClosedError(message)
    if call.code() in _BY_STATUS:
        return _BY_STATUS[call.code()](message)
    return UnexpectedStatusError(message, call.code().name)


def _error_info(call: grpc.Call) -> status_pb2.ErrorInfo | None:
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.RichStatus.FromString(value).details:
                if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                    return status_pb2.ErrorInfo.FromString(detail.value)
    return None
