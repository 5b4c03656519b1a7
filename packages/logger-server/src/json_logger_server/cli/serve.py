"""`json-logger serve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from json_logger_proto.names import PROGRAM, STATION_VARIABLE
from session_sharing.cli.serving import (
    default_folders,
    host_options,
    serving_options,
    state_file_of,
    warn_that_it_is_anonymous,
)
from session_sharing.server import (
    InvalidArgumentError,
    TcpListener,
    configure_logging,
    parse_listener,
)

from json_logger_server.cli.store_options import store_options
from json_logger_server.event_loop import run
from json_logger_server.json_log import Durability, FileLimits
from json_logger_server.server import ServerOptions, serve
from json_logger_server.storage.paths import LogRoots

if TYPE_CHECKING:
    from json_logger_server.store import StoreOptions


@click.command("serve")
@serving_options
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
@click.option(
    "--any-path", is_flag=True, help="Accept log files in every folder, not only in log roots."
)
@click.option(
    "--metrics",
    metavar="ADDR",
    help="Address, tcp:HOST:PORT, at which Prometheus reads the server's counters, as "
    "http://HOST:PORT/metrics. Everybody on this host can read them. Needs the extra [metrics].",
)
def serve_command(**given: Any) -> None:
    """Serve log files until Ctrl-C or SIGTERM. SIGHUP rotates all open logs.

    Example: json-logger serve --log-root ./logs
    """
    configure_logging(as_json=given["log_format"] == "json")
    warn_that_it_is_anonymous(given, "write logs")
    run(serve(server_options(given)))


def server_options(given: Mapping[str, Any]) -> ServerOptions:
    """Make the server's options from the arguments of the command line.

    Raises:
        SessionSharingError: Arguments contradict each other, or a file cannot be read.
    """
    return ServerOptions(
        roots=LogRoots(given["roots"] or default_roots(), given["any_path"]),
        state_file=state_file_of(given, PROGRAM),
        host=host_options(given, PROGRAM),
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


def default_roots() -> tuple[Path, ...]:
    """Return the folders for logs of a server without the option: see `default_folders`."""
    return default_folders(PROGRAM, "for logs by --log-root")
