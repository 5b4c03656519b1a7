"""`platform-sim run`, `check` and `sequence build`: run, check or build a sequence file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click
from session_sharing.printing import harmless_lines

from platform_sim.cli.options import (
    json_option,
    locate_platform,
    sites_option,
    state_file_option,
)
from platform_sim.hook import hooked_environment
from platform_sim.printing import print_line
from platform_sim.sequence.check import check_sequence_file
from platform_sim.sequence.description import read_description
from platform_sim.sequence.interrupts import Interrupts
from platform_sim.sequence.reports import (
    LiveTable,
    Notes,
    bad_step_line,
    run_as_json,
    summary_line,
    write_junit,
)
from platform_sim.sequence.runner import run_sequence_file
from platform_sim.sequence.seq_writer import write_sequence_file
from platform_sim.sequence.type_library import NO_TYPES, types_from

_FAILED = 1
_INTERRUPTED = 130

_existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)

_sequence_argument = click.argument("sequence_file", metavar="F.seq", type=_existing_file)
_pin_map_option = click.option(
    "--pin-map",
    type=_existing_file,
    help="Pin map to use instead of the one in the sequence.",
)
_python_option = click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python that runs the code modules. Default: the virtual environment that the sequence "
    "names. If it does not exist, the Python of this command.",
)


@click.command("run")
@_sequence_argument
@_pin_map_option
@sites_option
@_python_option
@click.option("--uut", default="", metavar="SERIAL", help="Serial number of the unit under test.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the results as JUnit XML, in addition.",
)
@json_option
@state_file_option
def run_command(
    sequence_file: Path,
    pin_map: Path | None,
    sites: tuple[int, ...] | None,
    python: Path | None,
    uut: str,
    junit: Path | None,
    as_json: bool,
    state_file: Path | None,
) -> None:
    """Run a TestStand sequence file in XML form: Setup, Main, and always Cleanup.

    If all outputs of a measurement are scalars, they describe one site. So the step runs once for
    each site of the pin map. If an output is an array, the step runs once for all sites. If the
    file needs something that this runner lacks, the command names it and runs nothing.

    Example: platform-sim run teststand/MeasureAndLogOneSite.seq
    """
    address = locate_platform(state_file)
    with Interrupts() as interrupts:
        result = run_sequence_file(
            sequence_file,
            discovery_address=address,
            environment=hooked_environment(address, os.environ),
            listener=Notes() if as_json else LiveTable(),
            pin_map=pin_map.resolve() if pin_map else None,
            sites=sites or (),
            python=python.absolute() if python else None,
            uut=uut,
            interrupts=interrupts,
        )
    if junit is not None:
        try:
            write_junit(result, junit)
        except OSError as error:
            raise click.ClickException(f"{junit} cannot be written: {error.strerror}.") from error
    if as_json:
        click.echo(json.dumps(run_as_json(result), indent=2))
    else:
        print_line(summary_line(result))
    if result.passed:
        return
    for step in result.bad_steps:
        click.echo(harmless_lines(bad_step_line(step)), err=True)
    raise SystemExit(_INTERRUPTED if result.interrupted else _FAILED)


@click.command("check")
@_sequence_argument
@_python_option
@click.option(
    "--offline",
    is_flag=True,
    help="Do not compare measurement steps with the plug-ins of a running platform.",
)
@json_option
@state_file_option
def check_command(
    sequence_file: Path,
    python: Path | None,
    offline: bool,
    as_json: bool,
    state_file: Path | None,
) -> None:
    """Check a TestStand sequence file in XML form without running it.

    The command checks the file itself (ids, counts, types), each measurement step against its
    plug-in's metadata, each code module (import, function, arguments), and the pins against the
    pin map. For this it starts plug-ins and imports code modules.

    Example: platform-sim check teststand/MeasureAndLogOneSite.seq
    """
    address = None if offline else locate_platform(state_file)
    environment = hooked_environment(address, os.environ) if address else os.environ
    findings = check_sequence_file(
        sequence_file,
        environment=environment,
        discovery_address=address,
        python=python.absolute() if python else None,
    )
    errors = [finding for finding in findings if finding.is_error]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print_line(finding)
        counts = {"error": len(errors), "note": len(findings) - len(errors)}
        print_line(", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts.items()))
    if errors:
        raise SystemExit(_FAILED)


@click.group("sequence")
def sequence_group() -> None:
    """Build sequence files."""


@sequence_group.command("build")
@click.argument("description", metavar="F.toml", type=_existing_file)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Sequence file to write; an existing one is replaced. Default: F.seq, beside F.toml.",
)
@click.option(
    "--types-from",
    "sample",
    type=_existing_file,
    help="A .seq file in XML form that your TestStand saved, with the step types that the "
    "description uses. Its type definitions are copied into the file.",
)
def build_command(description: Path, output: Path | None, sample: Path | None) -> None:
    """Build a TestStand sequence file in XML form from a description.

    The same description always gives the same file.

    Example: platform-sim sequence build MeasureAndLog.toml
    """
    content = read_description(description)
    types = types_from(sample) if sample else NO_TYPES
    target = output or description.with_suffix(".seq")
    try:
        write_sequence_file(target, content, types)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from error
    print_line(target)
