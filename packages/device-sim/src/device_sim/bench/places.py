"""Find the lines of the tables in a bench file, for its errors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from device_sim.errors import BenchError

_TABLE = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")
_INSTRUMENT = re.compile(r"""\s*\[\s*instruments\s*\.\s*["']?([^\]"']+?)["']?\s*\]""")


class Places:
    """The lines at which tables begin.

    Args:
        text: The text of the file; empty if it is not known.
    """

    def __init__(self, text: str = "") -> None:
        self._tables: defaultdict[str, list[int]] = defaultdict(list)
        self._instruments: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if found := _TABLE.match(line):
                self._tables[found[1]].append(number)
            elif found := _INSTRUMENT.match(line):
                self._instruments[found[1].strip().lower()] = number

    def of_table(self, kind: str, number: int, count: int) -> int | None:
        """Return the line of one of `count` tables of a kind, None if it cannot be told."""
        lines = self._tables[kind]
        return lines[number] if len(lines) == count else None

    def of_instrument(self, name: str) -> int | None:
        """Return the line of the table of an instrument, None if it cannot be told."""
        return self._instruments.get(name.lower())


@contextmanager
def errors_at(line: int | None) -> Iterator[None]:
    """Say the line in errors."""
    try:
        yield
    except BenchError as error:
        raise BenchError(f"{at_line(line)}{error}") from error


def at_line(line: int | None) -> str:
    """Return the begin of a text about a line; empty if the line is not known."""
    return "" if line is None else f"line {line}: "
