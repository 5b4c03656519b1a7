"""What the command of a server needs: the options of `serve`, and their meaning for its host."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import platformdirs

from session_sharing.commands import HarmlessGroup
from session_sharing.printing import harmless
from session_sharing.server import (
    HostOptions,
    InvalidArgumentError,
    Limits,
    Listener,
    RegistryOptions,
    TcpListener,
    TlsFiles,
    UnixListener,
    default_state_file,
    parse_listener,
    raise_descriptor_limit,
    read_api_keys,
    sessions_for,
)

__all__ = ["HarmlessGroup", "host_options", "serving_options", "state_file_of"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--listen",
        "addresses",
        multiple=True,
        metavar="ADDR",
        help="Address to listen at: tcp:HOST:PORT (port 0 = any free port), tls:HOST:PORT or "
        "unix:PATH; may be repeated. Default: a TCP port and a unix socket that only this host can "
        "reach.",
    ),
    click.option(
        "--state-file",
        type=_NEW_FILE,
        help="File by which programs of the same user find this server. "
        "Default: in the user's runtime folder.",
    ),
    click.option(
        "--anonymous", is_flag=True, help="Accept every user of this host, without a token."
    ),
    click.option("--no-discovery", is_flag=True, help="Do not register with NI discovery."),
    click.option("--network", is_flag=True, help="Allow other hosts to connect, by TLS."),
    click.option("--tls-certificate", type=_FILE, help="PEM file of the server's certificate."),
    click.option("--tls-key", type=_FILE, help="PEM file of the server's private key."),
    click.option(
        "--tls-client-ca",
        type=_FILE,
        help="PEM file of an authority. The server asks clients for certificates of this "
        "authority.",
    ),
    click.option(
        "--api-keys",
        type=_FILE,
        help="JSON file with the ids and API keys that the server accepts.",
    ),
    click.option(
        "--audit", type=_NEW_FILE, help="File to which the server appends every session event."
    ),
    click.option(
        "--stop-with-starter",
        is_flag=True,
        help="Stop when standard input is closed. NI discovery keeps it open until the server must "
        "stop.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the server's own messages on standard error.",
    ),
    click.option(
        "--orphan-timeout",
        type=click.FloatRange(min=0),
        default=12 * 3600.0,
        show_default=True,
        metavar="SECONDS",
        help="Close a session that has had no attachment for this time; 0 = never.",
    ),
)


def serving_options(command: _Function) -> _Function:
    """Add the options of every server; `state_file_of` and `host_options` read them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def state_file_of(given: Mapping[str, Any], program: str) -> Path:
    """Return the absolute path of the server's state file.

    Raises:
        NotPermittedError: This user has no runtime folder of their own.
    """
    path: Path = given["state_file"] or default_state_file(program)
    return path.absolute()


def host_options(given: Mapping[str, Any], program: str) -> HostOptions:
    """Make a host's options from the arguments of the command line.

    Raises:
        SessionSharingError: Arguments contradict each other, or a file cannot be read.
    """
    state_file = state_file_of(given, program)
    sessions = sessions_for(raise_descriptor_limit(), Limits().max_sessions)
    return HostOptions(
        listeners=tuple(map(parse_listener, given["addresses"]))
        or default_listeners(state_file, program),
        anonymous=given["anonymous"],
        network=given["network"],
        tls=_tls_files(given),
        api_keys=read_api_keys(given["api_keys"]) if given["api_keys"] else {},
        registry=RegistryOptions(
            orphan_timeout=given["orphan_timeout"], limits=Limits(max_sessions=sessions)
        ),
    )


def warn_that_it_is_anonymous(given: Mapping[str, Any], what: str) -> None:
    """Tell the user of a server without tokens what every user of this host can do."""
    if given["anonymous"]:
        text = f"Every user of this host can {what}, because --anonymous is set."
        click.secho(text, fg="yellow", err=True)


def _tls_files(given: Mapping[str, Any]) -> TlsFiles | None:
    certificate, key = given["tls_certificate"], given["tls_key"]
    if (certificate is None) != (key is None):
        raise InvalidArgumentError("--tls-certificate and --tls-key need each other; give both.")
    if certificate is None:
        return None
    return TlsFiles(certificate, key, given["tls_client_ca"])


def default_listeners(state_file: Path, program: str) -> tuple[Listener, ...]:
    """Return a loopback TCP port, which discovery can publish, and a unix socket if possible."""
    tcp = TcpListener("127.0.0.1")
    if os.name == "nt":
        return (tcp,)
    socket = UnixListener(state_file.with_suffix(".socket") / program)
    if socket.fits:
        return (tcp, socket)
    click.secho(
        "The server listens on TCP only, because the path of a unix socket beside "
        f"{harmless(str(state_file))} would be too long.",
        fg="yellow",
        err=True,
    )
    return (tcp,)


def default_folders(program: str, option: str) -> tuple[Path, ...]:
    """Return the user's data folder, which is created if it is missing, and the current folder.

    For a user without a home folder, as in many containers, return only the current folder.

    Args:
        program: Name of the server's command, and of the data folder.
        option: The option that names another folder, with what the folder is for.

    Raises:
        InvalidArgumentError: The data folder cannot be created.
    """
    try:
        data = platformdirs.user_data_path(program, appauthor=False)
    except RuntimeError:  # there is neither HOME nor an entry in the list of users
        return (Path.cwd(),)
    if not data.is_absolute():  # older versions of platformdirs return this in that case
        return (Path.cwd(),)
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"The folder {data} cannot be created: {error.strerror}. Name another folder {option}."
        ) from error
    return (data, Path.cwd())
