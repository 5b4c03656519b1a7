"""`device-sim serve`: run a device server until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click
from session_sharing.peer_user import PeerUsers
from session_sharing.places import default_state_file
from session_sharing.printing import HarmlessFormatter, harmless, say
from session_sharing.state_file import StateFile
from session_sharing.stopping import StopSignals

from device_sim.errors import DeviceSimError
from device_sim.server import DeviceServer

_HOST = "127.0.0.1"
_PORT = 31763
"""The port in the configuration files of NI's own device server."""

_STATE_KEYS = ("pid", "device_server_address")

_ALL_USERS = (
    "note: this system does not show which user a connection belongs to, so the server answers "
    "all users of this machine."
)


@click.command("serve")
@click.option(
    "--bench",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with the wiring of the instruments. Default: no wiring; instruments answer as "
    "NI's simulated devices do.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="TCP port on 127.0.0.1; 0 takes any free one.",
)
@click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File in which other programs find the address. Default: a file in the user's runtime "
    "folder.",
)
@click.option(
    "--file-root",
    "file_roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder in which drivers may export and import attribute configurations, in addition to "
    "the present folder and a temporary one. May be repeated.",
)
@click.option(
    "--other-users",
    is_flag=True,
    help="Also answer other users of this machine. They can then use and disturb all instruments.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log what the server does.")
def serve_command(
    bench: Path | None,
    port: int,
    state_file: Path | None,
    file_roots: tuple[Path, ...],
    other_users: bool,
    verbose: bool,
) -> None:
    """Serve simulated instruments until Ctrl-C or SIGTERM.

    Example: device-sim serve --bench bench.toml
    """
    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    state = StateFile((state_file or default_state_file("device-sim")).absolute(), _STATE_KEYS)
    server = DeviceServer(bench, file_roots=file_roots, allows_other_users=other_users)
    with StopSignals() as stop:
        state.claim()
        try:
            address = f"{_HOST}:{_start(server, port)}"
            state.publish({"pid": os.getpid(), "device_server_address": address})
            if not (other_users or PeerUsers.is_known()):
                click.echo(_ALL_USERS, err=True)
            say(
                f"device-sim is ready: {', '.join(server.interfaces)} on {address}, "
                f"state file {harmless(str(state.path))}"
            )
            stop.wait()
        finally:
            server.stop()
            state.remove()


def _start(server: DeviceServer, port: int) -> int:
    try:
        return server.start(f"{_HOST}:{port}")
    except RuntimeError as error:
        raise DeviceSimError(
            f"Port {port} cannot be used. Another program may have it. Choose another with --port, "
            "or use --port 0 for any free one."
        ) from error
