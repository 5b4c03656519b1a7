"""Sequences for tests: written as descriptions, built into .seq files, run as users run them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.interrupts import Interrupts
from platform_sim.sequence.reports import Notes
from platform_sim.sequence.results import RunResult
from platform_sim.sequence.runner import RunListener, run_sequence_file
from platform_sim.sequence.seq_writer import write_sequence_file

NO_PLATFORM = "127.0.0.1:1"
"""Address of no platform, for sequences that need none."""


RECORDER = """
calls = []

def note(name):
    calls.append(name)

def fail():
    raise ValueError("no such instrument")

def seen():
    return list(calls)
"""


class Bench:
    """A folder for one sequence with its code modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str, code: str) -> Path:
        """Write a code module."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
        return path

    def recorder(self) -> Path:
        """Write a code module with functions that record, fail, and return the record."""
        return self.module("recorder.py", RECORDER)

    def sequence(
        self,
        description: str,
        change: Callable[[str], str] | None = None,
        name: str = "Test.seq",
    ) -> Path:
        """Build a .seq file. `change` edits its XML text afterwards."""
        path = self.folder / name
        write_sequence_file(path, parse_description(description))
        if change is not None:
            text = path.read_text(encoding="utf-8-sig")
            changed = change(text)
            assert changed != text
            path.write_text(changed, encoding="utf-8")
        return path

    def run(
        self,
        description: str,
        change: Callable[[str], str] | None = None,
        *,
        discovery_address: str = NO_PLATFORM,
        pin_map: Path | None = None,
        sites: tuple[int, ...] = (),
        listener: RunListener | None = None,
        interrupts: Interrupts | None = None,
    ) -> RunResult:
        """Build a sequence and run it, without a platform by default."""
        return run_sequence_file(
            self.sequence(description, change),
            discovery_address=discovery_address,
            environment=os.environ,
            listener=listener or Notes(),
            pin_map=pin_map,
            sites=sites,
            python=Path(sys.executable),
            interrupts=interrupts,
        )

    @staticmethod
    def trace(result: RunResult) -> list[str]:
        """Return the steps that ran, in order, such as ``Main open: Done``."""
        return [f"{item.group.value} {item.step}: {item.status.value}" for item in result.steps]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder for one sequence."""
    return Bench(tmp_path)
