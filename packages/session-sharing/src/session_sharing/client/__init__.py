"""Connect to a server of sessions and share what it holds."""

from session_sharing.client.connection import Connection, connect
from session_sharing.client.errors import (
    CallTimeoutError,
    ConnectionClosedError,
    InheritedClientError,
    ReentrantCallError,
    ServerRestartedError,
    ServerUnavailableError,
)
from session_sharing.client.options import ConnectOptions
from session_sharing.client.session import SessionOptions, SharedSession
from session_sharing.client.starting import attach_or_start, start_server, stop_server
from session_sharing.client.watch import SessionWatch

__all__ = [
    "CallTimeoutError",
    "ConnectOptions",
    "Connection",
    "ConnectionClosedError",
    "InheritedClientError",
    "ReentrantCallError",
    "ServerRestartedError",
    "ServerUnavailableError",
    "SessionOptions",
    "SessionWatch",
    "SharedSession",
    "attach_or_start",
    "connect",
    "start_server",
    "stop_server",
]
