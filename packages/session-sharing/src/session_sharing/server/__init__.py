"""Serve sessions to your own resources.

Begin with `Resource` and `SessionHost`. This subpackage exports everything that they take, return
and raise.
"""

from session_sharing.core.admission import (
    Limits,
    check_may_close,
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
    EventLog,
    EventType,
    Gap,
    SessionEvent,
)
from session_sharing.core.registry import (
    RegistryOptions,
    SessionRegistry,
)
from session_sharing.core.resources import (
    Candidate,
    KindWithParameters,
    Resource,
    ResourceKind,
)
from session_sharing.core.sessions import (
    Attachment,
    Client,
    FailedSession,
    Opened,
    OpenRequest,
    Session,
)
from session_sharing.places import (
    Endpoint,
    default_state_file,
)
from session_sharing.roles import (
    ApiKey,
    Role,
    read_api_keys,
)
from session_sharing.server import (
    calls,
)
from session_sharing.server.counters import (
    Counters,
)
from session_sharing.server.descriptors import (
    raise_descriptor_limit,
    sessions_for,
)
from session_sharing.server.host import (
    Announcer,
    HostOptions,
    SessionHost,
)
from session_sharing.server.interceptor import (
    Context,
)
from session_sharing.server.journal import (
    AuditTrail,
    configure_logging,
)
from session_sharing.server.listeners import (
    Listener,
    TcpListener,
    TlsFiles,
    UnixListener,
    parse_listener,
)
from session_sharing.server.quota import (
    CallLimits,
)
from session_sharing.server.serving import (
    serve,
)
from session_sharing.server.signals import (
    Signal,
)
from session_sharing.server.state_file import (
    StateFile,
)
from session_sharing.server.workers import (
    Workers,
)

__all__ = [
    "Announcer",
    "ApiKey",
    "Attachment",
    "AuditTrail",
    "CallLimits",
    "Candidate",
    "Client",
    "ClosePolicy",
    "Context",
    "Counters",
    "Endpoint",
    "EventLog",
    "EventType",
    "FailedSession",
    "Gap",
    "HostOptions",
    "InitializationBehavior",
    "InvalidArgumentError",
    "KindWithParameters",
    "LimitExceededError",
    "Limits",
    "Listener",
    "NameInUseError",
    "NotAResourceError",
    "NotAuthenticatedError",
    "NotPermittedError",
    "OpenRequest",
    "Opened",
    "RegistryOptions",
    "Resource",
    "ResourceBusyError",
    "ResourceFailedError",
    "ResourceInUseError",
    "ResourceKind",
    "ResourceLostError",
    "ResourceNotFoundError",
    "Role",
    "ServerDrainingError",
    "Session",
    "SessionAlreadyOpenError",
    "SessionEvent",
    "SessionExpiredError",
    "SessionHost",
    "SessionNotFoundError",
    "SessionRegistry",
    "SessionSharingError",
    "Signal",
    "StateFile",
    "StorageFullError",
    "TcpListener",
    "TlsFiles",
    "UnixListener",
    "Workers",
    "calls",
    "check_may_close",
    "configure_logging",
    "default_state_file",
    "parse_listener",
    "raise_descriptor_limit",
    "read_api_keys",
    "serve",
    "sessions_for",
]
