"""Make changed copies of the sequences, for tests of failures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from build_sequences import DESCRIPTION, VARIANTS, with_variant
from chain import BENCH_FILE
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.seq_writer import write_sequence_file

TESTSTAND = DESCRIPTION.parent


def changed_sequences(folder: Path, change: Callable[[str], str]) -> Path:
    """Build the sequences from a changed description into a separate folder."""
    for name in ("code_modules", "pinmaps"):
        shutil.copytree(TESTSTAND / name, folder / name)
    shutil.copy(TESTSTAND / BENCH_FILE, folder)
    text = DESCRIPTION.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    for name, variant in VARIANTS.items():
        write_sequence_file(folder / name, with_variant(parse_description(changed), variant))
    return folder
