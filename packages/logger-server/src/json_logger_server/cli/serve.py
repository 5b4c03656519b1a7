"""`json-logger serve`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs
from json_logger_proto.names import PROGRAM, STATION_VARIABLE
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
    configure_logging,
    default_state_file,
    parse_listener,
    raise_descriptor_limit,
    read_api_keys,
    sessions_for,
)

from json_logger_server.cli.store_options import store_options
from json_logger_server.event_loop import run
from json_logger_server.json_log import Durability, FileLimits
from json_logger_server.server import ServerOptions, serve
from json_logger_server.storage.paths import LogRoots

if TYPE_CHECKING:
    from json_logger_server.store import StoreOptions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("serve")
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    metavar="ADDR",
    help="Address to listen at: tcp:HOST:PORT (port 0 = any free port), tls:HOST:PORT or "
    "unix:PATH; may be repeated. Default: a TCP port and a unix socket that only this host can "
    "reach.",
)
@click.option(
    "--state-file",
    type=_NEW_FILE,
    help="File by which programs of the same user find this server. "
    "Default: in the user's runtime folder.",
)
@click.option(
    "--log-root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder for log files; may be repeated. Relative names start at the first folder. "
    "Default: the user's data folder and the current folder.",
)
@click.option(
    "--durability",
    type=click.Choice([d.value for d in Durability]),
    default=Durability.FLUSHED.value,
    show_default=True,
    help="The event that an acknowledged record survives: the end of the server (flushed), or "
    "power loss (durable).",
)
@click.option(
    "--rotate-size",
    type=click.IntRange(min=0),
    default=0,
    metavar="BYTES",
    help="Begin a new file when a log has reached this size; 0 = never. The old file is renamed to "
    "NAME.FIRST.ndjson; FIRST is the number of its first record.",
)
@click.option(
    "--keep",
    "keep_days",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="DAYS",
    help="Remove a rotated file this many days after it was last written; 0 = never.",
)
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    help="Copy all logs to this PostgreSQL, such as postgresql://ROLE@HOST/DATABASE. A password "
    "belongs into a password file, not into the URL.",
)
@click.option(
    "--station",
    envvar=STATION_VARIABLE,
    metavar="NAME",
    help="Name of this station in the store; it must stay the same. Default: the variable "
    f"{STATION_VARIABLE}, or the host's name.",
)
@click.option(
    "--store-insecure",
    is_flag=True,
    help="Copy to a store on another host also if TLS does not prove which host answers.",
)
@click.option(
    "--store-waveforms",
    type=click.IntRange(0, 256 * 1024 * 1024),
    metavar="BYTES",
    help="Copy the samples of waveforms of at most so many bytes. The samples of longer ones stay "
    "only in the station's file. Default: 1 MiB.",
)
@click.option("--anonymous", is_flag=True, help="Accept every user of this host, without a token.")
@click.option(
    "--any-path", is_flag=True, help="Accept log files in every folder, not only in log roots."
)
@click.option("--no-discovery", is_flag=True, help="Do not register with NI discovery.")
@click.option("--network", is_flag=True, help="Allow other hosts to connect, by TLS.")
@click.option("--tls-certificate", type=_FILE, help="PEM file of the server's certificate.")
@click.option("--tls-key", type=_FILE, help="PEM file of the server's private key.")
@click.option(
    "--tls-client-ca",
    type=_FILE,
    help="PEM file of an authority. The server asks clients for certificates of this authority.",
)
@click.option(
    "--api-keys", type=_FILE, help="JSON file with the ids and API keys that the server accepts."
)
@click.option(
    "--audit", type=_NEW_FILE, help="File to which the server appends every session event."
)
@click.option(
    "--metrics",
    metavar="ADDR",
    help="Address, tcp:HOST:PORT, at which Prometheus reads the server's counters, as "
    "http://HOST:PORT/metrics. Everybody on this host can read them. Needs the extra [metrics].",
)
@click.option(
    "--stop-with-starter",
    is_flag=True,
    help="Stop when standard input is closed. NI discovery keeps it open until the server must "
    "stop.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the server's own messages on standard error.",
)
@click.option(
    "--orphan-timeout",
    type=click.FloatRange(min=0),
    default=12 * 3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Close a session that has had no attachment for this time; 0 = never.",
)
def serve_command(**given: Any) -> None:
    """Serve log files until Ctrl-C or SIGTERM. SIGHUP rotates all open logs.

    Example: json-logger serve --log-root ./logs
    """
    configure_logging(as_json=given["log_format"] == "json")
    if given["anonymous"]:
        click.secho(
            "Every user of this host can write logs, because --anonymous is set.",
            fg="yellow",
            err=True,
        )
    run(serve(server_options(given)))


def server_options(given: Mapping[str, Any]) -> ServerOptions:
    """Make the server's options from the arguments of the command line.

    Raises:
        SessionSharingError: Arguments contradict each other, or a file cannot be read.
    """
    state = (given["state_file"] or default_state_file(PROGRAM)).absolute()
    listeners = tuple(map(parse_listener, given["addresses"])) or default_listeners(state)
    sessions = sessions_for(raise_descriptor_limit(), Limits().max_sessions)
    return ServerOptions(
        roots=LogRoots(given["roots"] or default_roots(), given["any_path"]),
        state_file=state,
        host=HostOptions(
            listeners=listeners,
            anonymous=given["anonymous"],
            network=given["network"],
            tls=_tls_files(given),
            api_keys=read_api_keys(given["api_keys"]) if given["api_keys"] else {},
            registry=RegistryOptions(
                orphan_timeout=given["orphan_timeout"], limits=Limits(max_sessions=sessions)
            ),
        ),
        durability=Durability(given["durability"]),
        files=FileLimits(given["rotate_size"], given["keep_days"]),
        discovery=not given["no_discovery"],
        audit=given["audit"],
        metrics=_metrics_listener(given),
        store=_store_options(given),
        stop_with_starter=given["stop_with_starter"],
    )


def _metrics_listener(given: Mapping[str, Any]) -> TcpListener | None:
    if given["metrics"] is None:
        return None
    listener = parse_listener(given["metrics"])
    if not isinstance(listener, TcpListener) or listener.tls:
        raise InvalidArgumentError(
            f"--metrics {given['metrics']} is not supported. Write tcp:HOST:PORT."
        )
    if not (listener.is_loopback or given["network"]):
        raise InvalidArgumentError(
            f"Other hosts could read the counters at {listener.host}, without a token and without "
            "TLS. Allow that by --network, or use 127.0.0.1."
        )
    return listener


def _store_options(given: Mapping[str, Any]) -> StoreOptions | None:
    if given["store_url"] is None:
        return None
    return store_options(
        given["store_url"],
        given["station"],
        insecure=given["store_insecure"],
        longest_waveform=given["store_waveforms"],
    )


def _tls_files(given: Mapping[str, Any]) -> TlsFiles | None:
    certificate, key = given["tls_certificate"], given["tls_key"]
    if (certificate is None) != (key is None):
        raise InvalidArgumentError("--tls-certificate and --tls-key need each other; give both.")
    if certificate is None:
        return None
    return TlsFiles(certificate, key, given["tls_client_ca"])


def default_listeners(state_file: Path) -> tuple[Listener, ...]:
    """Return a loopback TCP port, which discovery can publish, and a unix socket if possible."""
    tcp = TcpListener("127.0.0.1")
    if os.name == "nt":
        return (tcp,)
    socket = UnixListener(state_file.with_suffix(".socket") / PROGRAM)
    if socket.fits:
        return (tcp, socket)
    click.secho(
        "The server listens on TCP only, because the path of a unix socket beside "
        f"{harmless(str(state_file))} would be too long.",
        fg="yellow",
        err=True,
    )
    return (tcp,)


def default_roots() -> tuple[Path, ...]:
    """Return the user's data folder, which is created if it is missing, and the current folder.

    For a user without a home folder, as in many containers, return only the current folder.

    Raises:
        InvalidArgumentError: The data folder cannot be created.
    """
    try:
        data = platformdirs.user_data_path("json-logger", appauthor=False)
    except RuntimeError:  # there is neither HOME nor an entry in the list of users
        return (Path.cwd(),)
    if not data.is_absolute():  # older versions of platformdirs return this in that case
        return (Path.cwd(),)
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"The folder {data} cannot be created: {error.strerror}. "
            "Name another folder for logs by --log-root."
        ) from error
    return (data, Path.cwd())
