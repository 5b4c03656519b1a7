"""Define the errors of session sharing; servers and clients raise the same classes.

Every class names the gRPC status that carries it over the wire, and a stable reason for programs.
The server finds the status by the class, and the client finds the class by the reason.
"""

from __future__ import annotations

from typing import ClassVar


class SessionSharingError(Exception):
    """Root of all errors of session sharing.

    Attributes:
        status: Name of the gRPC status code.
        reason: Stable name for programs, sent as ``ErrorInfo.reason``.
        details: Facts about the case, sent as ``ErrorInfo.metadata``.
        is_published: Whether the registry has published an event about it.
    """

    status: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.details = details
        self.is_published = False


class InvalidArgumentError(SessionSharingError):
    """The request is wrong, whatever the state of the server is."""

    status = "INVALID_ARGUMENT"
    reason = "INVALID_ARGUMENT"


class NotAResourceError(InvalidArgumentError):
    """The given name belongs to something that is not a resource of this kind."""

    reason = "NOT_A_RESOURCE"


class SessionAlreadyOpenError(SessionSharingError):
    """The resource has an open session, and the caller asked for a new one."""

    status = "ALREADY_EXISTS"
    reason = "SESSION_ALREADY_OPEN"


class NameInUseError(SessionSharingError):
    """The session name belongs to another resource, or the resource to another name."""

    status = "ALREADY_EXISTS"
    reason = "NAME_IN_USE"


class ResourceInUseError(SessionSharingError):
    """A program outside this server uses the resource."""

    status = "ALREADY_EXISTS"
    reason = "RESOURCE_IN_USE"


class SessionNotFoundError(SessionSharingError):
    """There is no such session: it was never opened, or it is closed."""

    status = "NOT_FOUND"
    reason = "SESSION_NOT_FOUND"


class ResourceNotFoundError(SessionSharingError):
    """The resource, or the place where it would be created, does not exist."""

    status = "NOT_FOUND"
    reason = "RESOURCE_NOT_FOUND"


class SessionExpiredError(SessionSharingError):
    """The attachment has ended: the session was closed, or the client was lost for too long."""

    status = "FAILED_PRECONDITION"
    reason = "SESSION_EXPIRED"


class NotAuthenticatedError(SessionSharingError):
    """The caller sent no token or key, or one that the server does not accept."""

    status = "UNAUTHENTICATED"
    reason = "NOT_AUTHENTICATED"


class NotPermittedError(SessionSharingError):
    """The caller is known but may not do this."""

    status = "PERMISSION_DENIED"
    reason = "NOT_PERMITTED"


class LimitExceededError(SessionSharingError):
    """The request exceeds a limit of the server."""

    status = "RESOURCE_EXHAUSTED"
    reason = "LIMIT_EXCEEDED"


class StorageFullError(LimitExceededError):
    """The disk is full; the server wrote nothing of the request."""

    reason = "STORAGE_FULL"


class ResourceLostError(SessionSharingError):
    """The resource vanished or broke while its session was open; the session has failed."""

    status = "DATA_LOSS"
    reason = "RESOURCE_LOST"


class ResourceFailedError(SessionSharingError):
    """The resource's own code failed while it opened or released the resource."""

    status = "INTERNAL"
    reason = "RESOURCE_FAILED"


class ServerDrainingError(SessionSharingError):
    """The server is stopping and accepts nothing new."""

    status = "UNAVAILABLE"
    reason = "SERVER_DRAINING"


class ResourceBusyError(SessionSharingError):
    """The last session of the resource takes too long to release it."""

    status = "UNAVAILABLE"
    reason = "RESOURCE_BUSY"


def as_domain_error(error: BaseException, what: str) -> SessionSharingError:
    """Return a `ResourceFailedError` for an error of a resource's own code.

    Args:
        error: The error. A `SessionSharingError` is returned as it is.
        what: A sentence without its full stop that says what could not be done.
    """
    if isinstance(error, SessionSharingError):
        return error
    return ResourceFailedError(f"{what}: {type(error).__name__}: {error}")
