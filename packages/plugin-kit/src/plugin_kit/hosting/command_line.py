"""Make the command line of a plug-in, which serves it and installs it for discovery."""

from __future__ import annotations

import importlib
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from session_sharing import SessionSharingError
from session_sharing.commands import HarmlessGroup
from session_sharing.ni import Startable, lay_out, plugins_folder, take_away
from session_sharing.starter import when_starter_goes
from session_sharing.stopping import StopSignals

if TYPE_CHECKING:
    from ni_measurement_plugin_sdk_service.measurement.service import MeasurementService

_FOLDER = click.Path(file_okay=False, path_type=Path)
_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@dataclass(frozen=True)
class Plugin:
    """A plug-in, for its command line."""

    package: str
    """Import name of the package; its module ``measurement`` has ``measurement_service``."""

    distribution: str
    """Name on the package index."""

    version: str
    """Version of the distribution."""

    data: Path
    """Folder with the .serviceconfig, the .measui and .env.simulation."""

    def load(self) -> MeasurementService:
        """Import the measurement. This happens late, because the SDK reads ``.env`` on import."""
        module = importlib.import_module(f"{self.package}.measurement")
        service: MeasurementService = module.measurement_service
        return service


def plugin_cli(plugin: Plugin) -> click.Group:
    """Build the commands ``serve``, ``install`` and ``uninstall`` of a plug-in."""
    text = f"Serve or install the measurement plug-in {plugin.distribution}."

    @click.group(cls=HarmlessGroup, shown_errors=[SessionSharingError], help=text)
    @click.version_option(plugin.version)
    def main() -> None:
        pass

    @main.command(name="serve")
    @click.option("-v", "--verbose", count=True, help="Log more; give it twice for debug messages.")
    def serve_command(verbose: int) -> None:
        """Serve the plug-in until Ctrl-C, SIGTERM, or the end of its standard input."""
        level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
        logging.basicConfig(format=_LOG_FORMAT, level=level)
        serve(plugin.load())

    @main.command(name="install")
    @click.argument("folder", required=False, type=_FOLDER)
    @click.option(
        "--simulate",
        is_flag=True,
        help="Also write .env, with which the drivers simulate their instruments. An existing "
        ".env is kept.",
    )
    def install_command(folder: Path | None, simulate: bool) -> None:
        """Write the files into FOLDER by which a discovery service finds and starts the plug-in.

        Without FOLDER, they go into NI's own folder for plug-ins, on Windows.
        """
        folder = folder or plugins_folder() / plugin.distribution
        for path in install(plugin, folder, simulate=simulate):
            click.echo(path)

    @main.command(name="uninstall")
    @click.argument("folder", required=False, type=_FOLDER)
    def uninstall_command(folder: Path | None) -> None:
        """Remove from FOLDER what `install` wrote; other files, and a changed .env, stay.

        Without FOLDER, the command removes it from NI's own folder for plug-ins, on Windows.
        """
        folder = folder or plugins_folder() / plugin.distribution
        left = uninstall(plugin, folder)
        click.echo(f"removed from {folder}" if left else f"removed {folder}")
        for path in left:
            click.echo(f"not removed: {path}")

    return main


def serve(service: MeasurementService) -> None:
    """Host a measurement service until a signal stops it, or its standard input ends."""
    with StopSignals() as stop:
        when_starter_goes(stop.request)
        with service.host_service():
            address = service.service_location.insecure_address
            click.echo(f"ready: {service.service_info.service_class} at {address}")
            stop.wait()
    click.echo("stopped")


def install(plugin: Plugin, folder: Path, *, simulate: bool = False) -> list[Path]:
    """Write the folder by which a discovery service finds and starts a plug-in.

    Args:
        plugin: The plug-in.
        folder: Folder to create or refresh; an existing ``.env`` is kept.
        simulate: Also write ``.env`` from ``.env.simulation``.

    Returns:
        The files written.
    """
    written = lay_out(_startable(plugin), folder)
    environment = folder / ".env"
    if simulate and not environment.exists():
        written.append(Path(shutil.copy(plugin.data / ".env.simulation", environment)))
    return written


def uninstall(plugin: Plugin, folder: Path) -> list[Path]:
    """Remove the files that `install` wrote, and the folder if nothing else is in it.

    Args:
        plugin: The plug-in.
        folder: The folder; a ``.env`` that the user has changed stays.

    Returns:
        What stays in the folder.

    Raises:
        InvalidArgumentError: The folder is not one of this plug-in; nothing was removed.
    """
    environment, simulation = folder / ".env", plugin.data / ".env.simulation"
    unchanged = (
        environment.is_file()
        and simulation.is_file()
        and environment.read_bytes() == simulation.read_bytes()
    )
    left = take_away(_startable(plugin), folder)
    if unchanged:
        environment.unlink()
        left.remove(environment)
        if not left:
            folder.rmdir()
    return left


def _startable(plugin: Plugin) -> Startable:
    return Startable(
        data=plugin.data,
        command=f"{plugin.package} serve -v",
        distribution=plugin.distribution,
        version=plugin.version,
    )
