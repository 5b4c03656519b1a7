"""Connect a command to the servers that its options name, and find sessions there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from session_sharing.client import (
    Connection,
    ConnectOptions,
    InvalidArgumentError,
    ServerUnavailableError,
    SessionSharingError,
    connect,
)
from session_sharing.places import default_state_file, read_small, runtime_folder
from session_sharing.printing import harmless
from session_sharing.v1 import lifecycle_pb2 as pb

_TIMEOUT = 3.0
"""Seconds; a server on this host answers at once."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Server(NamedTuple):
    """A server that answers, and its name for people."""

    name: str
    connection: Connection


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


def connect_to(
    program: str,
    find: Callable[[ConnectOptions], ConnectOptions],
    state_file: Path | None,
    target: str | None,
) -> Connection:
    """Connect to a server of one program: by option, by its state file, or as its clients find it.

    Args:
        program: Name of the program, which its default state file has.
        find: Completes options with the target and the token, as the program's clients do.
        state_file: The option `--state-file`.
        target: The option `--target`.

    Raises:
        SessionSharingError: There is no server, or it does not accept this user.
    """
    if target:
        return connect(find(without_presence(ConnectOptions(target))))
    if state_file is None and default_state_file(program).exists():
        state_file = default_state_file(program)
    if state_file is None:
        return connect(find(without_presence(ConnectOptions())))
    return connect(without_presence(ConnectOptions.from_state_file(state_file)))


def without_presence(options: ConnectOptions) -> ConnectOptions:
    """Return options for a command, which opens no session and so needs no presence."""
    return replace(options, presence=False, timeout=_TIMEOUT)


def any_server_options(command: _Function) -> _Function:
    """Add the options that name a server of any kind."""
    for option in (
        click.option(
            "--service",
            metavar="INTERFACE/CLASS",
            help="Find the server at NI discovery by its provided interface and service class. "
            "Needs session-sharing[ni].",
        ),
        click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File with the token for --target or --service.",
        ),
        click.option(
            "--tls-ca",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="PEM file of the authority that signed the certificate of a server on another "
            "host.",
        ),
    ):
        command = option(command)
    return server_options(command)


@contextmanager
def chosen_servers(
    state_file: Path | None,
    target: str | None,
    service: str | None,
    token_file: Path | None,
    tls_ca: Path | None,
) -> Iterator[list[Server]]:
    """Connect to the servers that the options name; without any, to all servers of this user.

    Raises:
        SessionSharingError: A named server does not answer, or does not accept this user.
    """
    token = read_small(token_file).strip() if token_file else ""
    given = without_presence(ConnectOptions(token=token, root_certificates=tls_ca))
    with ExitStack() as stack:

        def connected(name: str, options: ConnectOptions) -> Server:
            return Server(name, stack.enter_context(connect(without_presence(options))))

        if target:
            yield [connected(target, replace(given, target=target))]
        elif service:
            yield [connected(service, _at_discovery(service, given))]
        elif state_file:
            yield [connected(str(state_file), ConnectOptions.from_state_file(state_file))]
        else:
            yield list(_own_servers(connected))


def _at_discovery(service: str, options: ConnectOptions) -> ConnectOptions:
    interface, _, service_class = service.partition("/")
    try:
        from session_sharing.ni import DiscoveryName, locate
    except ImportError as error:
        raise ServerUnavailableError(
            "NI discovery cannot be asked, because session-sharing[ni] is not installed."
        ) from error
    return locate(DiscoveryName(interface, service_class), options)


def _own_servers(connected: Callable[[str, ConnectOptions], Server]) -> Iterator[Server]:
    """Connect to the servers of this user whose state files are in the default folder."""
    for path in sorted(runtime_folder("session-sharing").glob("*.json")):
        try:
            yield connected(path.stem, ConnectOptions.from_state_file(path))
        except InvalidArgumentError:
            pass  # its server has ended, or the file belongs to another kind of program
        except SessionSharingError as error:
            click.echo(f"{harmless(path.stem)} is left out: {harmless(str(error))}", err=True)


def list_sessions(connection: Connection) -> pb.ListSessionsResponse:
    """Return the open sessions, in the order in which they were opened, and the failed ones."""
    answer = connection.call(connection.lifecycle.ListSessions, pb.ListSessionsRequest())
    answer.sessions.sort(key=lambda session: session.generation)
    return answer


def matching(sessions: Iterable[pb.SessionInfo], wanted: str) -> pb.SessionInfo | None:
    """Find a session by its name, by its resource, or by the first characters of its name."""
    sessions = list(sessions)
    for session in sessions:
        if wanted in (session.name, session.resource):
            return session
    alike = [session for session in sessions if wanted and session.name.startswith(wanted)]
    return alike[0] if len(alike) == 1 else None


def close_session(connection: Connection, name: str) -> bool:
    """Close a session, as its close policy says.

    Returns:
        Whether it is closed; False when it will be closed with its last attachment.

    Raises:
        SessionSharingError: The server refuses it, or the release of the resource failed.
    """
    request = pb.CloseRequest(session_name=name)
    return connection.call(connection.lifecycle.Close, request).session_closed


def read_info(connection: Connection) -> pb.GetServerInfoResponse:
    """Return the facts about a server.

    Raises:
        SessionSharingError: It does not answer.
    """
    return connection.call(connection.lifecycle.GetServerInfo, pb.GetServerInfoRequest())
