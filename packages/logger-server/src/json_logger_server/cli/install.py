"""`json-logger install` and `uninstall`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click
from json_logger_proto.names import PROGRAM
from session_sharing import InvalidArgumentError
from session_sharing.cli.installing import install_files, uninstall_files
from session_sharing.ni import Startable

from json_logger_server.cli.at_login import remove_entry, write_entry

_DISTRIBUTION = "json-logger-server"
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("install")
@click.argument("folder", required=False, type=_FOLDER)
@click.option(
    "--at-login", is_flag=True, help="Instead, start the logger when you sign in to Windows."
)
@click.option(
    "--log-root",
    "roots",
    multiple=True,
    type=_FOLDER,
    help="With --at-login: folder for log files; may be repeated.",
)
def install_command(folder: Path | None, at_login: bool, roots: tuple[Path, ...]) -> None:
    """Write into FOLDER the files by which NI discovery finds the logger and starts it on demand.

    Without FOLDER, they go into NI's own folder for plug-ins, on Windows.

    Example: json-logger install plug-ins/json-logger
    """
    _check_one_way(folder, at_login)
    if roots and not at_login:
        raise InvalidArgumentError("--log-root is for --at-login only.")
    if at_login:
        click.echo(write_entry(roots))
        return
    install_files(_program(), folder, PROGRAM)


@click.command("uninstall")
@click.argument("folder", required=False, type=_FOLDER)
@click.option("--at-login", is_flag=True, help="Do not start the logger at login any longer.")
def uninstall_command(folder: Path | None, at_login: bool) -> None:
    """Remove from FOLDER what `json-logger install` wrote; other files stay.

    Without FOLDER, the command removes it from NI's own folder for plug-ins, on Windows.
    """
    _check_one_way(folder, at_login)
    if at_login:
        click.echo(f"removed {remove_entry()}")
        return
    uninstall_files(_program(), folder, PROGRAM)


def _check_one_way(folder: Path | None, at_login: bool) -> None:
    if folder is not None and at_login:
        raise InvalidArgumentError("Give FOLDER or --at-login, not both.")


def _program() -> Startable:
    return Startable(
        data=Path(__file__).parent.parent / "data",
        command="json_logger_server serve --stop-with-starter",
        distribution=_DISTRIBUTION,
        version=version(_DISTRIBUTION),
    )
