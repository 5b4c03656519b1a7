"""Build the sequence files through the TestStand COM API, on a Windows station with TestStand.

TestStand itself writes the file, with its installed step types. This script was never run with a
real TestStand; a test checks its calls against NI's API reference.
"""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from typing import Any

import click
from build_sequences import DESCRIPTION, VARIANTS, with_variant
from com_builder import ComBuilder
from platform_sim.sequence.description import read_description
from platform_sim.sequence.errors import SequenceError

_ENGINE = "TestStand.Engine"
_HERE = Path(__file__).resolve().parent


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=_HERE,
    help="Folder to write to.",
)
def main(output: Path) -> None:
    """Build every sequence file."""
    try:
        builder = ComBuilder(start_engine())
        content = read_description(DESCRIPTION)
        for name, variant in VARIANTS.items():
            builder.build(with_variant(content, variant), output / name)
            click.echo(output / name)
    except (SequenceError, OSError) as error:
        raise click.ClickException(str(error)) from error


def start_engine() -> Any:
    """Return TestStand's engine.

    Raises:
        click.ClickException: This computer has no TestStand.
    """
    if platform.system() != "Windows":
        raise click.ClickException(
            "TestStand runs on Windows only. On this computer, use build_sequences.py."
        )
    try:
        client = importlib.import_module("win32com.client")
    except ImportError as error:
        raise click.ClickException(
            "pywin32 is not installed. Install it: pip install pywin32"
        ) from error
    try:
        return client.Dispatch(_ENGINE)
    except Exception as error:
        raise click.ClickException(
            f"TestStand's engine ({_ENGINE}) cannot be started: {error}. Install TestStand, or "
            "activate it in the TestStand Version Selector."
        ) from error


if __name__ == "__main__":
    main()
