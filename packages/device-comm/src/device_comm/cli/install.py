"""`device-comm install` and `uninstall`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click
from session_sharing.cli.installing import install_files, uninstall_files
from session_sharing.ni import Startable

from device_comm.names import DEVICE_SERVER

_DISTRIBUTION = "measurement-device-communication"
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("install")
@click.argument("folder", required=False, type=_FOLDER)
def install_command(folder: Path | None) -> None:
    """Write into FOLDER the files by which NI discovery finds the server and starts it on demand.

    Without FOLDER, they go into NI's own folder for plug-ins, on Windows. A server that discovery
    starts takes the register maps in FOLDER.

    Example: device-comm install plug-ins/device-comm
    """
    install_files(_program(), folder, DEVICE_SERVER.program)


@click.command("uninstall")
@click.argument("folder", required=False, type=_FOLDER)
def uninstall_command(folder: Path | None) -> None:
    """Remove from FOLDER what `device-comm install` wrote; other files stay.

    Without FOLDER, the command removes it from NI's own folder for plug-ins, on Windows.
    """
    uninstall_files(_program(), folder, DEVICE_SERVER.program)


def _program() -> Startable:
    return Startable(
        data=Path(__file__).parent.parent / "data",
        command="device_comm serve --stop-with-starter --map-root .",
        distribution=f"{_DISTRIBUTION}[server]",
        version=version(_DISTRIBUTION),
    )
