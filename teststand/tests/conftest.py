"""Lets the tests import the programs of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

TESTSTAND = Path(__file__).resolve().parent.parent

for folder in (TESTSTAND, TESTSTAND / "e2e"):
    sys.path.insert(0, str(folder))
