"""Make texts fit into the columns of a store. The line of a record keeps the text as it is."""

from __future__ import annotations

import re

_LONGEST_NAME = 200
"""Characters of a name that the store keeps in a column of its own."""
_UNFIT = re.compile("[\0\ud800-\udfff]")
"""Characters that no text in PostgreSQL has."""


def fit_text(text: str) -> str:
    """Return a text without the characters that no text in PostgreSQL has."""
    return _UNFIT.sub("", text)


def short_name(name: str) -> str:
    """Return the part of a measurement's name that the column `name` has, not yet made fit."""
    return name[:_LONGEST_NAME]
