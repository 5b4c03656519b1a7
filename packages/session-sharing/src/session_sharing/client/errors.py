"""Define the errors that only clients raise, and translate gRPC errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import grpc

from session_sharing.core import errors as core
from session_sharing.core.errors import SessionExpiredError, SessionSharingError
from session_sharing.v1 import status_pb2


class ServerUnavailableError(SessionSharingError):
    """The client cannot reach the server, or lost it during the call."""

    status = "UNAVAILABLE"
    reason = "SERVER_UNAVAILABLE"


class CallTimeoutError(SessionSharingError):
    """The server did not answer in time. The client does not know whether the call took effect."""

    status = "DEADLINE_EXCEEDED"
    reason = "CALL_TIMEOUT"


class ConnectionClosedError(SessionSharingError):
    """The call was made on a connection, or channel, that this program has closed."""

    status = "CANCELLED"
    reason = "CONNECTION_CLOSED"


class ServerRestartedError(SessionExpiredError):
    """The server was restarted after this session was opened. `reset()` opens it again."""

    reason = "SERVER_RESTARTED"


class InheritedClientError(SessionSharingError):
    """A forked child process used a client, a session or a stream of its parent process."""

    status = "FAILED_PRECONDITION"
    reason = "INHERITED_CLIENT"


class ReentrantCallError(SessionSharingError):
    """A `__del__` method or a weakref callback waited for the thread in which it ran itself."""

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
"""Texts of gRPC when this program, not the server, ended a call."""
_TOO_LARGE = re.compile(r"message larger than max \((?P<size>\d+) vs\. (?P<limit>\d+)\)")
"""Text of gRPC for a message that is larger than the receiver allows."""
_BY_STATUS = {
    grpc.StatusCode.UNAVAILABLE: ServerUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: CallTimeoutError,
    grpc.StatusCode.CANCELLED: ServerUnavailableError,
    grpc.StatusCode.UNAUTHENTICATED: core.NotAuthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: core.LimitExceededError,
}


CALL_ERRORS = (grpc.RpcError, ValueError)
"""Errors that a gRPC call raises. A `ValueError` means that its channel is closed."""


def from_rpc_error(error: grpc.RpcError | ValueError) -> SessionSharingError:
    """Return the error that the server raised, of the same class if it sent a reason."""
    if isinstance(error, ValueError):
        return ConnectionClosedError(str(error))
    if not hasattr(error, "code"):
        return ServerUnavailableError(str(error))
    call: grpc.Call = error  # type: ignore[assignment]  # the error of a failed call is also a grpc.Call
    message = call.details() or call.code().name
    info = _error_info(call)
    if info is not None and info.reason in _BY_REASON:
        return _BY_REASON[info.reason](message, **dict(info.metadata))
    if (size := _TOO_LARGE.search(message)) is not None:
        return core.LimitExceededError(
            f"The message has {size['size']} bytes. The receiver accepts at most {size['limit']}.",
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
