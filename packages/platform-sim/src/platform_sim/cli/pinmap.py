"""`platform-sim pinmap`: work on .pinmap files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from platform_sim.cli.options import json_option
from platform_sim.errors import PinMapSyntaxError
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.validator import Finding, Severity, find_faults
from platform_sim.printing import print_line


@click.group("pinmap")
def pinmap_group() -> None:
    """Work on .pinmap files."""


@pinmap_group.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@json_option
def check_command(files: tuple[Path, ...], as_json: bool) -> None:
    """List the errors and warnings of .pinmap FILES, with their lines and how to fix them.

    The exit code is 1 if a file has errors. With warnings alone it is 0.

    Example: platform-sim pinmap check PinMap.pinmap
    """
    findings = {file: _check(file) for file in files}
    if as_json:
        rows = [_row(file, one) for file, found in findings.items() for one in found]
        click.echo(json.dumps(rows, indent=2))
    else:
        for file, found in findings.items():
            _show(file, found)
    if any(one.severity is Severity.ERROR for found in findings.values() for one in found):
        raise SystemExit(1)


def _show(file: Path, findings: list[Finding]) -> None:
    for one in findings:
        place = f"{file}:{one.line}" if one.line else str(file)
        print_line(f"{place}: {one.severity.value}: {one.message} {one.remedy}")
    if not findings:
        print_line(f"{file}: no errors found.")


def _row(file: Path, finding: Finding) -> dict[str, object]:
    return {"file": str(file), **asdict(finding), "severity": finding.severity.value}


def _check(file: Path) -> list[Finding]:
    try:
        return find_faults(parse_pin_map(file.read_text(encoding="utf-8-sig")))
    except PinMapSyntaxError as error:
        return [Finding(error.line, error.problem, "Fix this first, then check again.")]
    except UnicodeDecodeError:
        return [Finding(0, "The file is not UTF-8.", "Save it as UTF-8.")]
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
