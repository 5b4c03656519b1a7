"""`json-logger ls`, `show` and `close`: what is open, and by whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from google.protobuf.timestamp_pb2 import Timestamp
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import SessionNotFoundError
from session_sharing.v1 import lifecycle_pb2 as pb

from json_logger_server.cli.target import (
    find_session,
    list_sessions,
    open_connection,
    reports_errors,
    server_options,
)

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.command("ls")
@server_options
@_as_json
@reports_errors
def ls_command(state_file: Path | None, target: str | None, as_json: bool) -> None:
    """List the open logs.

    Example: json-logger ls
    """
    with open_connection(state_file, target) as connection:
        sessions = list_sessions(connection)
    if as_json:
        click.echo(json.dumps([session_facts(session) for session in sessions], indent=2))
        return
    rows = [
        (
            session.name,
            session.details.get("path", session.resource),
            session.details.get("last_seq", ""),
            str(len(session.attachments)),
            _moment(session.opened_at),
            session.opened_by,
        )
        for session in sessions
    ]
    click.echo(_table(("SESSION", "FILE", "RECORDS", "ATTACHED", "OPENED", "BY"), rows))


@click.command("show")
@click.argument("session", required=False)
@server_options
@_as_json
@reports_errors
def show_command(
    session: str | None, state_file: Path | None, target: str | None, as_json: bool
) -> None:
    """Show one open log and who is attached to it, or else the server and its counters.

    SESSION is a session's name, a beginning of it, or its file.

    Example: json-logger show measurements.ndjson
    """
    with open_connection(state_file, target) as connection:
        if session is None:
            info = connection.lifecycle.GetServerInfo(pb.GetServerInfoRequest(), timeout=10)
            facts = server_facts(info)
        else:
            found = find_session(connection, session)
            if found is None:
                raise SessionNotFoundError(f"No log is open for {session!r}; see `json-logger ls`.")
            facts = session_facts(found)
    click.echo(json.dumps(facts, indent=2) if as_json else _outline(facts))


@click.command("close")
@click.argument("session")
@server_options
@_as_json
@reports_errors
def close_command(session: str, state_file: Path | None, target: str | None, as_json: bool) -> None:
    """Close a log, as its close policy says; SESSION is a session's name or its file.

    Example: json-logger close measurements.ndjson
    """
    with open_connection(state_file, target) as connection:
        found = find_session(connection, session)
        if found is None:
            raise SessionNotFoundError(f"No log is open for {session!r}; see `json-logger ls`.")
        request = pb.CloseRequest(session_name=found.name)
        closed = connection.call(connection.lifecycle.Close, request).session_closed
    facts = {"session": found.name, "file": found.details.get("path", ""), "closed": closed}
    if as_json:
        click.echo(json.dumps(facts))
    else:
        waits = "" if closed else " as soon as its last attachment goes"
        click.echo(f"{facts['file']} is closed{waits}.")


def session_facts(session: pb.SessionInfo) -> dict[str, Any]:
    """Describe a session in plain values."""
    return {
        "session": session.name,
        "file": session.details.get("path", session.resource),
        "records": int(session.details.get("last_seq", 0)),
        "bytes": int(session.details.get("bytes", 0)),
        "durability": session.details.get("durability", ""),
        "opened": _moment(session.opened_at),
        "opened_by": session.opened_by,
        "closing": session.closing,
        "attachments": [
            {
                "by": attachment.label,
                "client": attachment.client_id,
                "behavior": InitializationBehavior(attachment.behavior).name,
                "since": _moment(attachment.since),
                "present": attachment.present,
            }
            for attachment in session.attachments
        ],
    }


def server_facts(info: pb.GetServerInfoResponse) -> dict[str, Any]:
    """Describe a server and what it has counted in plain values."""
    return {
        "version": info.version,
        "started": _moment(info.started_at),
        "stopping": info.draining,
        "counters": {name: _short(info.counters[name]) for name in sorted(info.counters)},
    }


def _moment(timestamp: Timestamp) -> str:
    return timestamp.ToDatetime().isoformat(sep=" ", timespec="seconds") + "Z"


def _short(number: float) -> float:
    return int(number) if number == int(number) else round(number, 6)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def _outline(facts: dict[str, Any], indent: str = "") -> str:
    lines = []
    for key, value in facts.items():
        label = f"{indent}{key.replace('_', ' ')}:"
        if isinstance(value, dict):
            lines += [label, _outline(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(label + ("" if value else " none"))
            lines += [f"{indent}- {_outline(item, indent + '  ').lstrip()}" for item in value]
        else:
            lines.append(f"{label} {value}")
    return "\n".join(lines)
