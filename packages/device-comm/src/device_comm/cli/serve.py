"""`device-comm serve`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from session_sharing.cli.serving import (
    default_folders,
    host_options,
    serving_options,
    state_file_of,
    warn_that_it_is_anonymous,
)
from session_sharing.server import configure_logging

from device_comm.names import DEVICE_SERVER
from device_comm.server import BenchAddress, MapRoots, ServerOptions, serve


@click.command("serve")
@serving_options
@click.option(
    "--map-root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder for register maps; may be repeated. Relative names start at the first folder. "
    "Default: the user's data folder and the current folder.",
)
@click.option(
    "--gpio",
    default="memory",
    show_default=True,
    metavar="memory|bench:HOST:PORT",
    help="What the GPIO lines are: memory, or nets of the bench of a device-sim. Line 3 of port 0 "
    "of the device Dut is the net Dut/port0/line3.",
)
def serve_command(**given: Any) -> None:
    """Serve custom instruments until Ctrl-C or SIGTERM.

    Example: device-comm serve --map-root ./maps
    """
    configure_logging(as_json=given["log_format"] == "json")
    warn_that_it_is_anonymous(given, "use the devices")
    asyncio.run(serve(server_options(given)))


def server_options(given: Mapping[str, Any]) -> ServerOptions:
    """Make the server's options from the arguments of the command line.

    Raises:
        SessionSharingError: Arguments contradict each other, or a file cannot be read.
    """
    program = DEVICE_SERVER.program
    return ServerOptions(
        roots=MapRoots(tuple(root.absolute() for root in given["roots"]) or default_roots()),
        state_file=state_file_of(given, program),
        host=host_options(given, program),
        bench=BenchAddress.parse(given["gpio"]),
        discovery=not given["no_discovery"],
        audit=given["audit"],
        stop_with_starter=given["stop_with_starter"],
    )


def default_roots() -> tuple[Path, ...]:
    """Return the folders for register maps of a server without the option."""
    return default_folders(DEVICE_SERVER.program, "for register maps by --map-root")
