"""Use sessions: connect to a server, open a session there, and share it.

Begin with `SharedSession`. This subpackage exports everything that it takes, returns and raises.
"""

from session_sharing.client.connection import (
    Connection,
    connect,
)
from session_sharing.client.errors import (
    CALL_ERRORS,
    CallTimeoutError,
    ConnectionClosedError,
    InheritedClientError,
    ReentrantCallError,
    ServerRestartedError,
    ServerUnavailableError,
    UnexpectedStatusError,
    from_rpc_error,
)
from session_sharing.client.options import (
    ConnectOptions,
)
from session_sharing.client.session import (
    SessionOptions,
    SharedSession,
)
from session_sharing.client.starting import (
    attach_or_start,
    start_server,
    stop_server,
)
from session_sharing.client.watch import (
    SessionWatch,
)
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
from session_sharing.core.events import (
    EventType,
    Gap,
    SessionEvent,
)
from session_sharing.places import (
    default_state_file,
)

__all__ = [
    "CALL_ERRORS",
    "CallTimeoutError",
    "ClosePolicy",
    "ConnectOptions",
    "Connection",
    "ConnectionClosedError",
    "EventType",
    "Gap",
    "InheritedClientError",
    "InitializationBehavior",
    "InvalidArgumentError",
    "LimitExceededError",
    "NameInUseError",
    "NotAResourceError",
    "NotAuthenticatedError",
    "NotPermittedError",
    "ReentrantCallError",
    "ResourceBusyError",
    "ResourceFailedError",
    "ResourceInUseError",
    "ResourceLostError",
    "ResourceNotFoundError",
    "ServerDrainingError",
    "ServerRestartedError",
    "ServerUnavailableError",
    "SessionAlreadyOpenError",
    "SessionEvent",
    "SessionExpiredError",
    "SessionNotFoundError",
    "SessionOptions",
    "SessionSharingError",
    "SessionWatch",
    "SharedSession",
    "StorageFullError",
    "UnexpectedStatusError",
    "attach_or_start",
    "connect",
    "default_state_file",
    "from_rpc_error",
    "start_server",
    "stop_server",
]
