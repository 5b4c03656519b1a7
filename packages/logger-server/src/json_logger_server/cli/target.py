"""Connect a command to its logger, and find logs there."""

from __future__ import annotations

from pathlib import Path

from json_logger_client import locate_logger
from json_logger_proto.names import PROGRAM
from session_sharing.cli.servers import connect_to, list_sessions, matching, server_options
from session_sharing.client import Connection
from session_sharing.file_roots import canonical
from session_sharing.v1 import lifecycle_pb2 as pb

__all__ = ["find_session", "open_connection", "server_options"]


def open_connection(state_file: Path | None, target: str | None) -> Connection:
    """Connect to the logger that the options name.

    Raises:
        SessionSharingError: There is no logger, or it does not accept this user.
    """
    return connect_to(PROGRAM, locate_logger, state_file, target)


def find_session(connection: Connection, wanted: str) -> pb.SessionInfo | None:
    """Find a session by its file, by its name, or by the first characters of its name.

    If `wanted` is the path of an existing file, only a session of this file matches.
    """
    sessions = list_sessions(connection).sessions
    path = str(canonical(Path(wanted)))
    for session in sessions:
        if path == session.details.get("path"):
            return session
    return None if Path(wanted).is_file() else matching(sessions, wanted)
