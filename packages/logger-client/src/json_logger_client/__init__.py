"""Log measurements into a file that several measurement plug-ins share."""

from typing import TYPE_CHECKING

from json_logger_proto.names import INSTRUMENT_TYPE as JSON_LOGGER_INSTRUMENT_TYPE
from session_sharing.client import ConnectOptions, SessionOptions
from session_sharing.core.behaviors import ClosePolicy, InitializationBehavior

from json_logger_client.client import JsonLoggerClient
from json_logger_client.grpc_options import GrpcSessionOptions
from json_logger_client.outbox import StreamOptions
from json_logger_client.stream import LogStream

if TYPE_CHECKING:
    from json_logger_client.session_constructor import JsonLoggerSessionConstructor

__all__ = [
    "JSON_LOGGER_INSTRUMENT_TYPE",
    "ClosePolicy",
    "ConnectOptions",
    "GrpcSessionOptions",
    "InitializationBehavior",
    "JsonLoggerClient",
    "JsonLoggerSessionConstructor",
    "LogStream",
    "SessionOptions",
    "StreamOptions",
]


def __getattr__(name: str) -> object:
    """Import what needs NI's packages only when it is asked for."""
    if name == "JsonLoggerSessionConstructor":
        from json_logger_client.session_constructor import JsonLoggerSessionConstructor

        return JsonLoggerSessionConstructor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
