"""`device-sim bench`: check and draw bench files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click
from session_sharing.printing import HarmlessFormatter, harmless, say

from device_sim.clock import SystemClock

if TYPE_CHECKING:
    from device_sim.bench import Bench


@click.group("bench")
def bench_group() -> None:
    """Work on bench files."""


@bench_group.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_command(file: Path) -> None:
    """Check a bench file.

    With an error in the file, the exit code is 1. Likely mistakes are warnings on standard error,
    and the exit code is 0.

    Example: device-sim bench check bench.toml
    """
    bench = _load(file)
    parts = _count(len(bench.parts), "part")
    channels = _count(len(bench.channels), "wired channel")
    devices = f", {_count(len(bench.devices), 'device')}" if bench.devices else ""
    say(f"{harmless(str(file))} is a bench: {parts}, {channels}{devices}.")


@bench_group.command("draw")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
def draw_command(file: Path, picture: Path) -> None:
    """Draw what a bench file wires to what, as an SVG file.

    Each net is a line from left to right. Needs the extra 'draw'.

    Example: device-sim bench draw bench.toml bench.svg
    """
    picture.write_text(_load(file).picture(), encoding="utf-8")
    say(f"{harmless(str(picture))} is written.")


def _load(file: Path) -> Bench:
    """Return the bench in a file. Print each likely mistake."""
    from device_sim.server.bench_file import load_bench  # numpy takes long to import

    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    return load_bench(file, SystemClock())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
