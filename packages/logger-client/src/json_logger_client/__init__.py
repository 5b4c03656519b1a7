"""Log measurements into a file that several measurement plug-ins share.

Start with `JsonLoggerClient`, and in a measurement plug-in with `JsonLoggerSessionConstructor`.
Every error is a `SessionSharingError`.
"""

from typing import TYPE_CHECKING

from json_logger_proto.names import INSTRUMENT_TYPE as JSON_LOGGER_INSTRUMENT_TYPE
from session_sharing.client import (
    CallTimeoutError,
    ClosePolicy,
    Connection,
    ConnectionClosedError,
    ConnectOptions,
    InheritedClientError,
    InitializationBehavior,
    InvalidArgumentError,
    LimitExceededError,
    NameInUseError,
    NotAResourceError,
    NotAuthenticatedError,
    NotPermittedError,
    ReentrantCallError,
    ResourceBusyError,
    ResourceFailedError,
    ResourceInUseError,
    ResourceLostError,
    ResourceNotFoundError,
    ServerDrainingError,
    ServerRestartedError,
    ServerUnavailableError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionOptions,
    SessionSharingError,
    StorageFullError,
    UnexpectedStatusError,
)

from json_logger_client.client import JsonLoggerClient
from json_logger_client.grpc_options import GrpcSessionOptions
from json_logger_client.locating import locate_logger
from json_logger_client.outbox import StreamOptions
from json_logger_client.record_context import (
    Limits,
    RecordContext,
    SequencePlace,
    SessionContext,
    Uut,
    station_name,
)
from json_logger_client.stream import LogStream

if TYPE_CHECKING:
    from json_logger_client.records import read_log
    from json_logger_client.session_constructor import JsonLoggerSessionConstructor

__all__ = [
    "JSON_LOGGER_INSTRUMENT_TYPE",
    "CallTimeoutError",
    "ClosePolicy",
    "ConnectOptions",
    "Connection",
    "ConnectionClosedError",
    "GrpcSessionOptions",
    "InheritedClientError",
    "InitializationBehavior",
    "InvalidArgumentError",
    "JsonLoggerClient",
    "JsonLoggerSessionConstructor",
    "LimitExceededError",
    "Limits",
    "LogStream",
    "NameInUseError",
    "NotAResourceError",
    "NotAuthenticatedError",
    "NotPermittedError",
    "RecordContext",
    "ReentrantCallError",
    "ResourceBusyError",
    "ResourceFailedError",
    "ResourceInUseError",
    "ResourceLostError",
    "ResourceNotFoundError",
    "SequencePlace",
    "ServerDrainingError",
    "ServerRestartedError",
    "ServerUnavailableError",
    "SessionAlreadyOpenError",
    "SessionContext",
    "SessionExpiredError",
    "SessionNotFoundError",
    "SessionOptions",
    "SessionSharingError",
    "StorageFullError",
    "StreamOptions",
    "UnexpectedStatusError",
    "Uut",
    "locate_logger",
    "read_log",
    "station_name",
]


def __getattr__(name: str) -> object:
    """Import what needs more packages when it is first used."""
    if name == "read_log":
        from json_logger_client.records import read_log

        return read_log
    if name == "JsonLoggerSessionConstructor":
        from json_logger_client.session_constructor import JsonLoggerSessionConstructor

        return JsonLoggerSessionConstructor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
