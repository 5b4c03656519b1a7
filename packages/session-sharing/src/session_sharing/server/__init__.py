"""Serve sessions to resources of your own."""

from session_sharing.server.host import Announcer, HostOptions, SessionHost
from session_sharing.server.listeners import TcpListener, TlsFiles, UnixListener, parse_listener
from session_sharing.server.quota import CallLimits
from session_sharing.server.state_file import StateFile

__all__ = [
    "Announcer",
    "CallLimits",
    "HostOptions",
    "SessionHost",
    "StateFile",
    "TcpListener",
    "TlsFiles",
    "UnixListener",
    "parse_listener",
]
