"""Read the code that the pages for users print."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[4] / "docs"


def blocks(page: str, language: str = "") -> list[str]:
    """Return a page's blocks of code in a language; without one, the lines for a terminal."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [code for name, code in found if name == language]
