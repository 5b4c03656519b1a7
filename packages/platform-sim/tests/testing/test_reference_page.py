"""The reference shows what the package exports, and nothing else."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "platform-sim.md"
MODULES = ["platform_sim", "platform_sim.testing"]
SHOWN = re.compile(r"^\.\. auto(?!module)\w+:: (\S+)$", re.M)


@pytest.mark.parametrize("module", MODULES)
def test_the_page_shows_each_exported_name_once(module: str) -> None:
    shown = [name.rpartition(".") for name in SHOWN.findall(PAGE.read_text(encoding="utf-8"))]
    of_module = sorted(name for home, _, name in shown if home == module)
    assert of_module == sorted(importlib.import_module(module).__all__)
