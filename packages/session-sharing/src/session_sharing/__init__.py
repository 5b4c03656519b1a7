"""Share sessions to any resource between processes over gRPC.

Import from here the names for a new kind of resource: `Resource` and `SessionHost` for the server,
`SharedSession` for its clients, and the errors of both. `session_sharing.client` and
`session_sharing.server` export the rest.

Importing the package is fast: the first use of a name loads its half (client or server) and gRPC.

PYTEST_DONT_REWRITE: a program, or another plugin, may import this package before pytest can rewrite
its assertions, and without this marker pytest warns about it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from session_sharing.core.behaviors import (
    ClosePolicy,
    InitializationBehavior,
)
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NameInUseError,
    NotAResourceError,
    NotAuthenticatedError,
    NotPermittedError,
    ResourceBusyError,
    ResourceFailedError,
    ResourceInUseError,
    ResourceLostError,
    ResourceNotFoundError,
    ServerDrainingError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionSharingError,
    StorageFullError,
)

if TYPE_CHECKING:
    from session_sharing.client import (
        CallTimeoutError,
        Connection,
        ConnectionClosedError,
        ConnectOptions,
        InheritedClientError,
        ReentrantCallError,
        ServerRestartedError,
        ServerUnavailableError,
        SessionOptions,
        SharedSession,
        UnexpectedStatusError,
        connect,
    )
    from session_sharing.server import (
        Candidate,
        HostOptions,
        Resource,
        SessionHost,
        StateFile,
        calls,
        serve,
    )

__all__ = [
    "CallTimeoutError",
    "Candidate",
    "ClosePolicy",
    "ConnectOptions",
    "Connection",
    "ConnectionClosedError",
    "HostOptions",
    "InheritedClientError",
    "InitializationBehavior",
    "InvalidArgumentError",
    "LimitExceededError",
    "NameInUseError",
    "NotAResourceError",
    "NotAuthenticatedError",
    "NotPermittedError",
    "ReentrantCallError",
    "Resource",
    "ResourceBusyError",
    "ResourceFailedError",
    "ResourceInUseError",
    "ResourceLostError",
    "ResourceNotFoundError",
    "ServerDrainingError",
    "ServerRestartedError",
    "ServerUnavailableError",
    "SessionAlreadyOpenError",
    "SessionExpiredError",
    "SessionHost",
    "SessionNotFoundError",
    "SessionOptions",
    "SessionSharingError",
    "SharedSession",
    "StateFile",
    "StorageFullError",
    "UnexpectedStatusError",
    "calls",
    "connect",
    "serve",
]

_OF_SERVER = frozenset(
    {"Candidate", "HostOptions", "Resource", "SessionHost", "StateFile", "calls", "serve"}
)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    half = import_module(f"{__name__}.{'server' if name in _OF_SERVER else 'client'}")
    found: object = getattr(half, name)
    return found


def __dir__() -> list[str]:
    return __all__
