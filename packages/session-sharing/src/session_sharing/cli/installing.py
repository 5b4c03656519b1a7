"""Do the work of the commands `install` and `uninstall` of a program that discovery starts."""

from __future__ import annotations

from pathlib import Path

import click

from session_sharing.ni import Startable, lay_out, plugins_folder, take_away


def install_files(program: Startable, folder: Path | None, name: str) -> None:
    """Write the folder of a program, and print the files.

    Args:
        program: What the folder starts.
        folder: The folder; by default one in NI's own folder for plug-ins.
        name: Name of that folder.

    Raises:
        InvalidArgumentError: No folder is named, and this machine has no folder for plug-ins.
    """
    for path in lay_out(program, folder or plugins_folder() / name):
        click.echo(path)


def uninstall_files(program: Startable, folder: Path | None, name: str) -> None:
    """Remove what `install_files` wrote, and print what stays.

    Args:
        program: What the folder starts.
        folder: The folder; by default one in NI's own folder for plug-ins.
        name: Name of that folder.

    Raises:
        InvalidArgumentError: The folder is not one of this program; nothing was removed.
    """
    folder = folder or plugins_folder() / name
    left = take_away(program, folder)
    click.echo(f"removed from {folder}" if left else f"removed {folder}")
    for path in left:
        click.echo(f"not removed: {path}")
