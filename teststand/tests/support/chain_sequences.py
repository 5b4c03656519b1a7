"""Copies of the sequences with something changed, for the tests that break things."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from build_sequences import DESCRIPTION, PIN_MAPS, with_pin_map
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.seq_writer import write_sequence_file

TESTSTAND = DESCRIPTION.parent


def changed_sequences(folder: Path, change: Callable[[str], str]) -> Path:
    """Build the sequences from a changed description into a folder of their own."""
    for name in ("code_modules", "pinmaps"):
        shutil.copytree(TESTSTAND / name, folder / name)
    text = DESCRIPTION.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    for name, pin_map in PIN_MAPS.items():
        write_sequence_file(folder / name, with_pin_map(parse_description(changed), pin_map))
    return folder
