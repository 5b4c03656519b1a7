"""`json-logger install`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click
from session_sharing.ni.folders import Startable, lay_out

_DISTRIBUTION = "json-logger-server"


@click.command("install")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def install_command(folder: Path) -> None:
    """Write into FOLDER the files by which NI discovery finds the logger and starts it on demand.

    Example: json-logger install plug-ins/json-logger
    """
    program = Startable(
        data=Path(__file__).parent.parent / "data",
        command="json_logger_server serve --stop-with-starter",
        distribution=_DISTRIBUTION,
        version=version(_DISTRIBUTION),
    )
    for path in lay_out(program, folder):
        click.echo(path)
