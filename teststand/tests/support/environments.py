"""Find the environments in which the packages under test are installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def environment(name: str) -> Path:
    """Return the environment of a package; by default all are in the one that runs the tests."""
    return Path(os.environ.get(f"E2E_{name.upper()}_ENV", sys.prefix))
