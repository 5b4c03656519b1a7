"""Connect a command to its server: by option, by state file, or by environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from json_logger_client import locate_logger
from json_logger_proto.names import PROGRAM
from session_sharing.client import Connection, ConnectOptions, connect
from session_sharing.file_roots import canonical
from session_sharing.places import default_state_file
from session_sharing.v1 import lifecycle_pb2 as pb

_TIMEOUT = 3.0
"""Seconds; a server on this host answers at once."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def server_options(command: _Function) -> _Function:
    """Add `--state-file` and `--target` to a command."""
    for option in (
        click.option(
            "--state-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="State file of the server. Default: the user's own server.",
        ),
        click.option("--target", help="gRPC target of the server, such as ipv4:127.0.0.1:PORT."),
    ):
        command = option(command)
    return command


def open_connection(state_file: Path | None, target: str | None) -> Connection:
    """Connect to the server that the options name.

    Raises:
        SessionSharingError: There is no server, or it does not accept this user.
    """
    if target:
        return connect(locate_logger(_without_presence(ConnectOptions(target))))
    if state_file is None and default_state_file(PROGRAM).exists():
        state_file = default_state_file(PROGRAM)
    if state_file is None:
        return connect(locate_logger(_without_presence(ConnectOptions())))
    return connect(_without_presence(ConnectOptions.from_state_file(state_file)))


def _without_presence(options: ConnectOptions) -> ConnectOptions:
    """Return options for a command, which opens no session and so needs no presence."""
    return replace(options, presence=False, timeout=_TIMEOUT)


def list_sessions(connection: Connection) -> pb.ListSessionsResponse:
    """Return the open sessions, in the order in which they were opened, and the failed ones."""
    answer = connection.call(connection.lifecycle.ListSessions, pb.ListSessionsRequest())
    answer.sessions.sort(key=lambda session: session.generation)
    return answer


def find_session(connection: Connection, wanted: str) -> pb.SessionInfo | None:
    """Find a session by its file, by its name, or by the first characters of its name.

    If `wanted` is the path of an existing file, only a session of this file matches.
    """
    sessions = list_sessions(connection).sessions
    path = str(canonical(Path(wanted)))
    for session in sessions:
        if path == session.details.get("path"):
            return session
    if Path(wanted).is_file():
        return None
    for session in sessions:
        if wanted in (session.name, session.resource):
            return session
    alike = [session for session in sessions if wanted and session.name.startswith(wanted)]
    return alike[0] if len(alike) == 1 else None
