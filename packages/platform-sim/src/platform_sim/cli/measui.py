"""`platform-sim measui`: write or check the panel of a plug-in."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from plugin_kit.calling import MeasurementPlugin
from session_sharing.printing import harmless_lines

from platform_sim.cli.options import locate_platform, state_file_option
from platform_sim.measui.bindings import MeasuiError, check_bindings, missing_controls
from platform_sim.measui.document import measui_text
from platform_sim.printing import print_line


@click.command("measui")
@click.argument("service_class")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Default: standard output.",
)
@click.option(
    "--check",
    "checked",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write nothing. Check the bindings of this .measui against the plug-in.",
)
@state_file_option
def measui_command(
    service_class: str, output: Path | None, checked: Path | None, state_file: Path | None
) -> None:
    """Write the InstrumentStudio panel of the plug-in SERVICE_CLASS, with a control for each item.

    The plug-in is started if it does not run. The command lists parameters and outputs without a
    control. They are no error: they have their defaults, and some types have no known control.

    Example: platform-sim measui ni.examples.NIDmmMeasurementWithLogger -o Panel.measui
    """
    address = locate_platform(state_file)
    with MeasurementPlugin.resolve(service_class, discovery_address=address) as plugin:
        metadata = plugin.metadata
    text = _read(checked) if checked else measui_text(service_class, metadata)
    problems = check_bindings(text, service_class, metadata)
    for problem in problems:
        print_line(problem, err=True)
    for note in missing_controls(text, metadata):
        print_line(f"note: {note}", err=True)
    if checked is None:
        _write(text, output)
    elif problems:
        raise SystemExit(1)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MeasuiError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise MeasuiError(f"{file} is not a .measui file: it is not UTF-8.") from error


def _write(text: str, output: Path | None) -> None:
    if output is None:
        # Text on a terminal is made harmless. A file gets the panel unchanged.
        click.echo(harmless_lines(text.expandtabs(2)) if sys.stdout.isatty() else text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MeasuiError(f"{output} cannot be written: {error.strerror}.") from error
    print_line(output)
