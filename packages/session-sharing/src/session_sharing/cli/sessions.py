"""`ls`, `show` and `close`: list, show and close the sessions of servers of any kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click

from session_sharing.cli.facts import (
    failed_facts,
    failure_line,
    moment,
    outline,
    server_facts,
    session_facts,
)
from session_sharing.cli.servers import (
    Server,
    close_session,
    list_sessions,
    matching,
    read_info,
)
from session_sharing.cli.tables import table
from session_sharing.core.errors import SessionNotFoundError
from session_sharing.printing import harmless, say
from session_sharing.v1 import lifecycle_pb2 as pb

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

Choose = Callable[..., AbstractContextManager[list[Server]]]
"""Connects to the servers that the options of a command name."""
Options = Callable[[Callable[..., None]], Callable[..., None]]
"""Adds these options to a command."""


def session_commands(program: str, options: Options, choose: Choose) -> list[click.Command]:
    """Return the commands `ls`, `show` and `close` of a program.

    Args:
        program: Name of the program, for examples.
        options: Adds the options that name servers.
        choose: Connects to these servers; it takes the options as arguments.
    """

    @click.command("ls", help=f"List the open sessions.\n\nExample: {program} ls")
    @options
    @as_json_option
    def ls_command(as_json: bool, **given: Any) -> None:
        with choose(**given) as servers:
            listed = [(server.name, list_sessions(server.connection)) for server in servers]
        _print_list(listed, as_json)

    @click.command(
        "show",
        help="Show a session with its attachments, and who waits. Without SESSION, show the "
        "servers and their counters.\n\nSESSION is a resource, the name of a session, or its first "
        f"characters.\n\nExample: {program} show scope-1",
    )
    @click.argument("session", required=False)
    @options
    @as_json_option
    def show_command(session: str | None, as_json: bool, **given: Any) -> None:
        with choose(**given) as servers:
            if session is None:
                facts = {one.name: server_facts(read_info(one.connection)) for one in servers}
            else:
                facts = _facts_of(servers, session)
        if as_json:
            click.echo(json.dumps(facts, indent=2))
        else:
            say(outline(facts))

    @click.command(
        "close",
        help="Close a session, as its close policy says. SESSION is a resource, the name of a "
        f"session, or its first characters.\n\nExample: {program} close scope-1",
    )
    @click.argument("session")
    @options
    @as_json_option
    def close_command(session: str, as_json: bool, **given: Any) -> None:
        with choose(**given) as servers:
            server, found = _find(servers, session)
            closed = close_session(server.connection, found.name)
        print_closed({"session": found.name, "resource": found.resource}, closed, as_json)

    return [ls_command, show_command, close_command]


def print_closed(named: dict[str, str], closed: bool, as_json: bool) -> None:
    """Print that a session was closed; its last name is the one for people."""
    if as_json:
        click.echo(json.dumps({**named, "closed": closed}))
        return
    when = "is closed" if closed else "will be closed when its last attachment ends"
    say(f"{harmless(list(named.values())[-1])} {when}.")


def _print_list(listed: list[tuple[str, pb.ListSessionsResponse]], as_json: bool) -> None:
    if as_json:
        facts = [
            {"server": name, **one}
            for name, answer in listed
            for one in (*map(session_facts, answer.sessions), *map(failed_facts, answer.failed))
        ]
        click.echo(json.dumps(facts, indent=2))
        return
    head = ("SERVER", "KIND", "RESOURCE", "ATTACHED", "WAITING", "OPENED", "BY")
    rows = [
        (
            name,
            session.kind,
            session.resource,
            str(len(session.attachments)),
            str(len(session.waiting)),
            moment(session.opened_at),
            session.opened_by,
        )
        for name, answer in listed
        for session in answer.sessions
    ]
    say(table(head, [tuple(map(harmless, row)) for row in rows]))
    for _, answer in listed:
        for failed in answer.failed:
            say(f"{harmless(failed.resource)} {failure_line(failed)}")


def _facts_of(servers: list[Server], wanted: str) -> dict[str, Any]:
    """Describe a session that is open, or one that failed when it was closed.

    Raises:
        SessionNotFoundError: No server has it, or several have.
    """
    try:
        server, found = _find(servers, wanted)
    except SessionNotFoundError:
        for server in servers:
            for failed in list_sessions(server.connection).failed:
                if wanted in (failed.name, failed.resource):
                    return {"server": server.name, **failed_facts(failed)}
        raise
    return {"server": server.name, **session_facts(found)}


def _find(servers: list[Server], wanted: str) -> tuple[Server, pb.SessionInfo]:
    """Return the open session that `wanted` means, and its server.

    Raises:
        SessionNotFoundError: No server has it, or several have.
    """
    found = []
    for server in servers:
        session = matching(list_sessions(server.connection).sessions, wanted)
        if session is not None:
            found.append((server, session))
    if len(found) > 1:
        names = ", ".join(server.name for server, _ in found)
        raise SessionNotFoundError(
            f"Several servers have a session {wanted!r}: {names}. Choose one by --state-file or "
            "--target."
        )
    if not found:
        raise SessionNotFoundError(
            f"No session is open for {wanted!r}. The command `ls` lists the open sessions."
        )
    return found[0]
