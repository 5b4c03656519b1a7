"""Log measurements into a file that several measurement plug-ins share.

Start with `JsonLoggerClient`, and in a measurement plug-in with `JsonLoggerSessionConstructor`.
`JsonLoggerHandler` writes what a program logs by `logging`. Every error is a `SessionSharingError`.

PYTEST_DONT_REWRITE: a program, or another plugin, may import this package before pytest can rewrite
its assertions, and without this marker pytest warns about it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from json_logger_proto.names import INSTRUMENT_TYPE as JSON_LOGGER_INSTRUMENT_TYPE

if TYPE_CHECKING:
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
    from json_logger_client.logging_handler import JsonLoggerHandler
    from json_logger_client.outbox import StreamOptions
    from json_logger_client.record_context import (
        Limits,
        RecordContext,
        SequencePlace,
        SessionContext,
        Uut,
        station_name,
    )
    from json_logger_client.records import read_log
    from json_logger_client.session_constructor import JsonLoggerSessionConstructor
    from json_logger_client.stream import LogStream

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
    "JsonLoggerHandler",
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

_MODULES = {
    "GrpcSessionOptions": "grpc_options",
    "JsonLoggerClient": "client",
    "JsonLoggerHandler": "logging_handler",
    "JsonLoggerSessionConstructor": "session_constructor",
    "Limits": "record_context",
    "LogStream": "stream",
    "RecordContext": "record_context",
    "SequencePlace": "record_context",
    "SessionContext": "record_context",
    "StreamOptions": "outbox",
    "Uut": "record_context",
    "locate_logger": "locating",
    "read_log": "records",
    "station_name": "record_context",
}
"""Modules of this package by exported name. All other names are of `session_sharing.client`."""


def __getattr__(name: str) -> object:
    """Import a name when it is first used, because pytest loads this package in every run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    own = _MODULES.get(name)
    module = import_module(f"{__name__}.{own}" if own else "session_sharing.client")
    found: object = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return __all__
