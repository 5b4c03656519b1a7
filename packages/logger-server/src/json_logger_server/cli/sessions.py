"""`json-logger ls`, `show`, `close` and `rotate`: list, show, close and rotate logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from json_logger_client import JsonLoggerClient
from json_logger_client.records import DiskTail
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.log_files.lines import numbers_of
from json_logger_proto.log_files.rotated import files_of, rotated_files
from session_sharing.cli.facts import (
    failure_facts,
    failure_line,
    life_facts,
    moment,
    outline,
    server_facts,
)
from session_sharing.cli.servers import close_session, list_sessions, read_info
from session_sharing.cli.sessions import as_json_option, print_closed
from session_sharing.cli.tables import table
from session_sharing.client import Connection, SessionNotFoundError, SessionSharingError
from session_sharing.printing import harmless, say
from session_sharing.v1 import lifecycle_pb2 as pb

from json_logger_server.cli.finding import locate
from json_logger_server.cli.target import find_session, open_connection, server_options


@click.command("ls")
@server_options
@as_json_option
def ls_command(state_file: Path | None, target: str | None, as_json: bool) -> None:
    """List the open logs, and the logs that failed when they were closed.

    Example: json-logger ls
    """
    with open_connection(state_file, target) as connection:
        listed = list_sessions(connection)
    if as_json:
        facts = [
            *(session_facts(session) for session in listed.sessions),
            *(failed_facts(failed) for failed in listed.failed),
        ]
        click.echo(json.dumps(facts, indent=2))
        return
    rows = [
        (
            session.name,
            session.details.get("path", session.resource),
            session.details.get("last_seq", ""),
            str(len(session.attachments)),
            moment(session.opened_at),
            session.opened_by,
        )
        for session in listed.sessions
    ]
    cells = [tuple(map(harmless, row)) for row in rows]
    say(table(("SESSION", "FILE", "RECORDS", "ATTACHED", "OPENED", "BY"), cells))
    for failed in listed.failed:
        say(failure_line(failed))


@click.command("show")
@click.argument("session", required=False)
@server_options
@as_json_option
def show_command(
    session: str | None, state_file: Path | None, target: str | None, as_json: bool
) -> None:
    """Show a log and its attachments. Without SESSION, show the server and its counters.

    SESSION is the name of a session, the first characters of the name, or a log. A log need not be
    open.

    Example: json-logger show measurements.ndjson
    """
    with open_connection(state_file, target) as connection:
        if session is None:
            facts = server_facts(read_info(connection))
        else:
            facts = _log_facts(connection, session)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        say(outline(facts))


@click.command("close")
@click.argument("session")
@server_options
@as_json_option
def close_command(session: str, state_file: Path | None, target: str | None, as_json: bool) -> None:
    """Close a log, as its close policy says. SESSION is the name of a session, or its file.

    Example: json-logger close measurements.ndjson
    """
    with open_connection(state_file, target) as connection:
        found = _open_session(connection, session)
        closed = close_session(connection, found.name)
    named = {"session": found.name, "file": found.details.get("path", "")}
    print_closed(named, closed, as_json)


@click.command("rotate")
@click.argument("session")
@server_options
@as_json_option
def rotate_command(
    session: str, state_file: Path | None, target: str | None, as_json: bool
) -> None:
    """Begin a new file for a log. SESSION is the name of a session, or a log, open or not.

    The old file is renamed to NAME.FIRST.ndjson; FIRST is the number of its first record. The
    numbers continue, and no session ends. All commands read the files as one log.

    Example: json-logger rotate measurements.ndjson
    """
    with open_connection(state_file, target) as connection:
        found = find_session(connection, session)
        if found is not None:
            path = found.details.get("path", "")
            rotated = _rotate(connection, found.name)
        else:
            path = str(locate(connection, session))
            with JsonLoggerClient(path, connection=connection) as log:
                rotated = _rotate(connection, log.session_name)
    facts = {"file": path, "rotated": rotated}
    if as_json:
        click.echo(json.dumps(facts))
    elif rotated:
        say(f"{facts['file']} continues in a new file. The old file is now {rotated}.")
    else:
        say(f"{facts['file']} was not rotated, because it has no numbered record yet.")


def _rotate(connection: Connection, session_name: str) -> str:
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
    request = ext.RotateRequest(session_name=session_name)
    return connection.call(stub.Rotate, request).rotated_path


def _open_session(connection: Connection, wanted: str) -> pb.SessionInfo:
    """Return the open session that `wanted` means.

    Raises:
        SessionNotFoundError: No open session matches.
    """
    found = find_session(connection, wanted)
    if found is None:
        raise SessionNotFoundError(
            f"No log is open for {wanted!r}. `json-logger ls` lists the open logs."
        )
    return found


def _log_facts(connection: Connection, wanted: str) -> dict[str, Any]:
    """Describe a log: one that is open, one that failed when it was closed, or one that is closed.

    Raises:
        SessionNotFoundError: No log matches.
    """
    found = find_session(connection, wanted)
    if found is not None:
        return session_facts(found)
    for failed in list_sessions(connection).failed:
        if wanted in (failed.name, failed.resource):
            return failed_facts(failed)
    return _closed_facts(connection, wanted)


def _closed_facts(connection: Connection, wanted: str) -> dict[str, Any]:
    """Describe a log that is not open.

    Raises:
        SessionNotFoundError: No log matches.
    """
    try:
        path = Path(wanted) if Path(wanted).is_file() else locate(connection, wanted)
    except SessionSharingError as error:
        raise SessionNotFoundError(
            f"No log is open for {wanted!r}. `json-logger ls` lists the open logs. {error}"
        ) from error
    files = [name for name, _ in files_of(path)]
    with DiskTail(path) as tail:
        last = tail.last(1)
    return {
        "session": "",
        "file": str(path),
        "records": numbers_of(last[0]).seq if last else 0,
        "bytes": sum(file.stat().st_size for file in files),
        "rotated_files": [file.name for file in files[:-1]],
    }


def session_facts(session: pb.SessionInfo) -> dict[str, Any]:
    """Describe an open session in plain values."""
    return {
        "session": session.name,
        "file": session.details.get("path", session.resource),
        "records": int(session.details.get("last_seq", 0)),
        "bytes": int(session.details.get("bytes", 0)),
        "rotated_files": _rotated_names(session.details.get("path", "")),
        "durability": session.details.get("durability", ""),
        **life_facts(session),
    }


def failed_facts(failed: pb.FailedSession) -> dict[str, Any]:
    """Describe in plain values a session that failed when it was closed."""
    return {"session": failed.name, "file": failed.resource, **failure_facts(failed)}


def _rotated_names(path: str) -> list[str]:
    """Return the names of an open log's rotated files, if the log is on this host."""
    try:
        return [rotated.path.name for rotated in rotated_files(Path(path))] if path else []
    except OSError:
        return []
