"""What can go wrong, one class for each case; the same classes are raised by servers and clients.

Every class names the canonical gRPC status that carries it over the wire and a stable reason for
programs, so that the two tables (error to status on the server, reason to error on the client) are
this one.
"""

from __future__ import annotations

from typing import ClassVar


class SessionSharingError(Exception):
    """Root of all errors of session sharing.

    Attributes:
        status: Name of the gRPC status code.
        reason: Stable word for programs, sent as ``ErrorInfo.reason``.
        details: Facts about the case, sent as ``ErrorInfo.metadata``.
    """

    status: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.details = details


class InvalidArgumentError(SessionSharingError):
    """A request that no server state could make right."""

    status = "INVALID_ARGUMENT"
    reason = "INVALID_ARGUMENT"


class NotAResourceError(InvalidArgumentError):
    """What stands at the given name is not a resource of this kind."""

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
    """Somebody outside this server holds the resource."""

    status = "ALREADY_EXISTS"
    reason = "RESOURCE_IN_USE"


class SessionNotFoundError(SessionSharingError):
    """There is no such session; it was never opened, or it is closed."""

    status = "NOT_FOUND"
    reason = "SESSION_NOT_FOUND"


class ResourceNotFoundError(SessionSharingError):
    """The resource, or the place where it would be created, does not exist."""

    status = "NOT_FOUND"
    reason = "RESOURCE_NOT_FOUND"


class SessionExpiredError(SessionSharingError):
    """The attachment is over: the session was closed, or the client was away for too long."""

    status = "FAILED_PRECONDITION"
    reason = "SESSION_EXPIRED"


class NotAuthenticatedError(SessionSharingError):
    """The caller gave no identity, or one that the server does not accept."""

    status = "UNAUTHENTICATED"
    reason = "NOT_AUTHENTICATED"


class NotPermittedError(SessionSharingError):
    """The caller is known but may not do this."""

    status = "PERMISSION_DENIED"
    reason = "NOT_PERMITTED"


class LimitExceededError(SessionSharingError):
    """A limit of the server stands in the way."""

    status = "RESOURCE_EXHAUSTED"
    reason = "LIMIT_EXCEEDED"


class StorageFullError(LimitExceededError):
    """There is no room on the disk; nothing of the request was written."""

    reason = "STORAGE_FULL"


class ResourceLostError(SessionSharingError):
    """The resource vanished or broke under its session, which has failed for good."""

    status = "DATA_LOSS"
    reason = "RESOURCE_LOST"


class ResourceFailedError(SessionSharingError):
    """The resource's own code failed: it cannot be opened, or was not released as it should be."""

    status = "INTERNAL"
    reason = "RESOURCE_FAILED"


class ServerDrainingError(SessionSharingError):
    """The server is stopping and takes nothing new."""

    status = "UNAVAILABLE"
    reason = "SERVER_DRAINING"


class ResourceBusyError(SessionSharingError):
    """The resource is still being released by its last session, for longer than it should take."""

    status = "UNAVAILABLE"
    reason = "RESOURCE_BUSY"


def as_domain_error(error: BaseException, what: str) -> SessionSharingError:
    """Say in domain terms what a resource's own code raised; domain errors stay as they are.

    Args:
        error: What was raised.
        what: What could not be done, as a sentence without its full stop.
    """
    if isinstance(error, SessionSharingError):
        return error
    return ResourceFailedError(f"{what}: {type(error).__name__}: {error}")
