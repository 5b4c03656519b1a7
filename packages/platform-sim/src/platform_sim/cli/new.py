"""`platform-sim new`: make a project from a template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from plugin_kit.calling import MeasurementPlugin

from platform_sim.cli.options import locate_platform, state_file_option
from platform_sim.new.generated_plugin import find_generated_plugin
from platform_sim.new.merging import merge
from platform_sim.new.rendering import render
from platform_sim.new.sequence import sequence_files
from platform_sim.printing import print_line

_folder_argument = click.argument(
    "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path)
)
_name_option = click.option("--name", help="Name of the project. Default: the name of DIR.")
_defaults_option = click.option(
    "--defaults", is_flag=True, help="Ask nothing: take the default answer to each question."
)
_overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the files of DIR that differ."
)


@click.group("new")
def new_group() -> None:
    """Make a project for a plug-in or a resource, or the description of a sequence."""


@new_group.command("plugin")
@_folder_argument
@_name_option
@click.option("--service-class", help="Service class, such as my.Leakage.")
@click.option(
    "--instrument", help="One of dmm, dcpower, scope, fgen, switch, digital, daqmx, none."
)
@click.option("--resource", help="What it shares with other plug-ins: logger or none.")
@_defaults_option
@_overwrite_option
def plugin_command(
    folder: Path,
    name: str | None,
    service_class: str | None,
    instrument: str | None,
    resource: str | None,
    defaults: bool,
    overwrite: bool,
) -> None:
    """Write a Poetry project for a measurement plug-in into DIR.

    The project has a measurement that works, its panel, tests on a stand-in for NI's platform,
    scripts that start and install it, a CI workflow and tasks for VS Code. If DIR has a plug-in
    that NI's generator wrote, the command adds what is missing there and keeps its files.

    If DIR has files that differ, the command lists them, writes nothing, and ends with exit code 1.

    Example: platform-sim new plugin leakage --instrument dcpower --defaults
    """
    generated = find_generated_plugin(folder)
    answers = {
        "name": name,
        "service_class": service_class,
        "instrument": instrument,
        "resource": resource,
    }
    given = {question: text for question, text in answers.items() if text is not None}
    layout = "generated" if generated else "plugin"
    files = render(layout, folder, given, defaults=defaults, generated=generated)
    _write_project(files, folder, overwrite)


@new_group.command("resource")
@_folder_argument
@_name_option
@click.option("--service-class", help="Service class, such as my.RelayBox.")
@_defaults_option
@_overwrite_option
def resource_command(
    folder: Path, name: str | None, service_class: str | None, defaults: bool, overwrite: bool
) -> None:
    """Write a Poetry project into DIR for a resource that programs share over gRPC.

    The project has a .proto file with two calls, a server, a client, a constructor for measurement
    plug-ins, tests on a stand-in for NI's platform, scripts that start and install it, a CI
    workflow and tasks for VS Code. Its README says where to write your own calls.

    If DIR has files that differ, the command lists them, writes nothing, and ends with exit code 1.

    Example: platform-sim new resource relay-box --defaults
    """
    answers = {"name": name, "service_class": service_class}
    given = {question: text for question, text in answers.items() if text is not None}
    _write_project(render("resource", folder, given, defaults=defaults), folder, overwrite)


@new_group.command("sequence")
@_folder_argument
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    required=True,
    metavar="CLASS",
    help="Service class of a plug-in; may be repeated. Each gets a step, in this order.",
)
@click.option(
    "--pin-map",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Pin map of the sequence. Default: a new one, with the pins that the plug-ins name.",
)
@_overwrite_option
@state_file_option
def sequence_command(
    folder: Path,
    plugins: tuple[str, ...],
    pin_map: Path | None,
    overwrite: bool,
    state_file: Path | None,
) -> None:
    """Write the description of a sequence into DIR, from the metadata of running plug-ins.

    Discovery starts plug-ins that do not run. Edit the description, and build the sequence file
    from it: platform-sim sequence build DIR/NAME.toml

    If DIR has files that differ, the command lists them, writes nothing, and ends with exit code 1.

    Example: platform-sim new sequence board --plugin ni.examples.NIDmmMeasurementWithLogger
    """
    address = locate_platform(state_file)
    metadata = {}
    for service_class in plugins:
        with MeasurementPlugin.resolve(service_class, discovery_address=address) as plugin:
            metadata[service_class] = plugin.metadata
    _write(sequence_files(folder, metadata, pin_map), folder, overwrite)


def _write_project(files: Mapping[str, bytes], folder: Path, overwrite: bool) -> None:
    if _write(files, folder, overwrite):
        print_line(f"{folder / 'README.md'} says how to go on.", err=True)


def _write(files: Mapping[str, bytes], folder: Path, overwrite: bool) -> bool:
    """Write files and print their names. Return whether anything changed."""
    done = merge(files, folder, overwrite=overwrite)
    if not done.written:
        for name in done.different:
            print_line(f"differs: {folder / name}")
        print_line("Nothing was written. Add --overwrite to replace these files.", err=True)
        raise SystemExit(1)
    changed = (*done.new, *done.different)
    for name in changed:
        print_line(folder / name)
    return bool(changed)
