"""`json-logger serve`."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import click
import platformdirs
from session_sharing.core.errors import SessionSharingError
from session_sharing.core.registry import RegistryOptions
from session_sharing.places import default_state_file
from session_sharing.server import (
    HostOptions,
    TcpListener,
    UnixListener,
    parse_listener,
)
from session_sharing.server.listeners import Listener

from json_logger_server.json_log import Durability
from json_logger_server.server import ServerOptions, serve
from json_logger_server.storage.paths import LogRoots

PROGRAM = "json-logger"


@click.command("serve")
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    metavar="ADDR",
    help="tcp:HOST:PORT (port 0 = any) or unix:PATH; may be repeated. Default: both, on this host.",
)
@click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where programs of the same user find this server. Default: the user's runtime folder.",
)
@click.option(
    "--log-root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder that log files may lie in; relative names start at the first. May be repeated. "
    "Default: the user's data folder and the current folder.",
)
@click.option(
    "--durability",
    type=click.Choice([d.value for d in Durability]),
    default=Durability.FLUSHED.value,
    show_default=True,
    help="What an acknowledged record survives: the server's death, or power loss.",
)
@click.option("--anonymous", is_flag=True, help="Ask no token of the other users of this host.")
@click.option("--any-path", is_flag=True, help="Take log files anywhere, not only in log roots.")
@click.option("--no-discovery", is_flag=True, help="Do not register with NI discovery.")
@click.option(
    "--orphan-timeout",
    type=click.FloatRange(min=0),
    default=12 * 3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Close a session that nobody is attached to for this long; 0 = never.",
)
def serve_command(
    addresses: tuple[str, ...],
    state_file: Path | None,
    roots: tuple[Path, ...],
    durability: str,
    anonymous: bool,
    any_path: bool,
    no_discovery: bool,
    orphan_timeout: float,
) -> None:
    """Serve log files until Ctrl-C or SIGTERM.

    Example: json-logger serve --log-root ./logs
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if anonymous:
        click.secho("Every user of this host can write logs: --anonymous.", fg="yellow", err=True)
    try:
        state = (state_file or default_state_file(PROGRAM)).absolute()
        listeners = tuple(map(parse_listener, addresses)) or default_listeners(state)
        options = ServerOptions(
            roots=LogRoots(roots or default_roots(), any_path),
            state_file=state,
            host=HostOptions(
                listeners=listeners,
                anonymous=anonymous,
                registry=RegistryOptions(orphan_timeout=orphan_timeout),
            ),
            durability=Durability(durability),
            discovery=not no_discovery,
        )
        asyncio.run(serve(options))
    except SessionSharingError as error:
        raise click.ClickException(str(error)) from error


def default_listeners(state_file: Path) -> tuple[Listener, ...]:
    """Listen on loopback TCP, which discovery can tell of, and where it exists on a unix socket."""
    tcp = TcpListener("127.0.0.1")
    if os.name == "nt":
        return (tcp,)
    return (tcp, UnixListener(state_file.with_suffix(".socket") / PROGRAM))


def default_roots() -> tuple[Path, ...]:
    """Give the user's data folder, which is made when missing, and the current folder."""
    data = platformdirs.user_data_path("json-logger", appauthor=False)
    data.mkdir(parents=True, exist_ok=True)
    return (data, Path.cwd())
