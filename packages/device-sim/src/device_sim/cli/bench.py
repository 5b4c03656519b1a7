"""`device-sim bench`: check bench files."""

from __future__ import annotations

import logging
from pathlib import Path

import click
from session_sharing.printing import HarmlessFormatter, harmless, say

from device_sim.clock import SystemClock


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
    from device_sim.server.bench_file import load_bench  # numpy takes long to import

    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    bench = load_bench(file, SystemClock())
    parts = _count(len(bench.parts), "part")
    channels = _count(len(bench.channels), "wired channel")
    say(f"{harmless(str(file))} is a bench: {parts}, {channels}.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
