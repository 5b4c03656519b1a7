"""Serve sessions to resources of your own."""

from session_sharing.server.host import Announcer, HostOptions, SessionHost
from session_sharing.server.listeners import TcpListener, UnixListener, parse_listener
from session_sharing.server.state_file import StateFile, default_state_file

__all__ = [
    "Announcer",
    "HostOptions",
    "SessionHost",
    "StateFile",
    "TcpListener",
    "UnixListener",
    "default_state_file",
    "parse_listener",
]
