"""The tables of a bench file: the keys of each table, and the values of each key."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from device_sim.errors import BenchError

_LINE = re.compile(r"[^/]+/port\d+/line\d+", re.IGNORECASE)  # Of a digital port.


@dataclass(frozen=True, slots=True)
class Entry:
    """The values that a key allows."""

    wanted: str
    """The allowed values in words, to follow "must be"."""

    fits: Callable[[Any], bool]
    """Return whether a value is allowed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of a table."""

    required: Mapping[str, Entry] = field(default_factory=dict)
    """Keys that the table must have."""

    optional: Mapping[str, Entry] = field(default_factory=dict)
    """Keys that the table may have."""

    has_more: bool = False
    """True if the table may have other keys, which another module checks."""

    def check(self, where: str, table: Any) -> None:
        """Check a table.

        Args:
            where: Name of the table in errors.
            table: The table from the file.

        Raises:
            BenchError: It is not a table with these keys and values.
        """
        if not isinstance(table, dict):
            raise BenchError(f"{where} must be a table, not {table!r:.60}.")
        known = {**self.required, **self.optional}
        for key in table:
            if key not in known and not self.has_more:
                may = f"It may have {', '.join(sorted(known))}"
                raise BenchError(f"{where} has the unknown key '{key}'. {may}.")
        for key in self.required:
            if key not in table:
                raise BenchError(f"{where} needs the key '{key}': {table!r:.60}.")
        for key, entry in known.items():
            if key in table and not entry.fits(table[key]):
                raise BenchError(f"{where}: {key} must be {entry.wanted}, not {table[key]!r:.60}.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_channel(value: Any) -> bool:
    if not _is_text(value) or not all(map(str.strip, value.split("/"))):
        return False
    return value.count("/") <= 1 or bool(_LINE.fullmatch("".join(value.split())))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_whole(value) and abs(value) <= sys.float_info.max


def _is_list_of_sites(value: Any) -> bool:
    if not isinstance(value, list) or not all(_is_whole(site) and site >= 0 for site in value):
        return False
    return 0 < len(value) == len(set(value))


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def _is_class(value: Any) -> bool:
    return _is_text(value) and all(value.partition(":"))


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


TEXT = Entry("text", _is_text)
CHANNEL = Entry("a channel such as 'SMU1/0'", _is_channel)
FLAG = Entry("true or false", lambda value: isinstance(value, bool))
COUNT = Entry("a whole number of at least 1", lambda value: _is_whole(value) and value > 0)
ERROR_CODE = Entry("a negative whole number", lambda value: _is_whole(value) and value < 0)
SEED = Entry("a whole number of at least 0", lambda value: _is_whole(value) and value >= 0)
NUMBER = Entry("a number", _is_number)
SHARE = Entry("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
AMOUNT = Entry("a number of at least 0", lambda value: _is_number(value) and value >= 0)
DURATION = Entry("a number above 0", lambda value: _is_number(value) and value > 0)
MODEL = Entry("a model's number", lambda value: _is_text(value) or _is_whole(value))
SITES = Entry("a list of different site numbers", _is_list_of_sites)
TABLE = Entry("a table", lambda value: isinstance(value, dict))
NAME = Entry("a name without '/'", lambda value: _is_text(value) and "/" not in value)
CLASS = Entry("a class such as 'module:Class'", _is_class)
PINS = Entry("a table with the net of each pin", _is_table_of_texts)


def _tables(name: str) -> Entry:
    return Entry(f"tables, each with [[{name}]] above it", _is_list_of_tables)


FILE = Shape(
    optional={
        "ground": TEXT,
        "sites": SITES,
        "readings": TABLE,
        "instruments": TABLE,
        **{name: _tables(name) for name in ("connect", "part", "device", "fault")},
    }
)
READINGS = Shape(
    optional={"noise": FLAG, "quantization": FLAG, "calibration": FLAG, "seed": SEED},
)
INSTRUMENT = Shape({"model": MODEL})
CONNECT = Shape({"channel": CHANNEL, "hi": TEXT}, {"lo": TEXT})
PART = Shape({"name": TEXT, "kind": TEXT, "a": TEXT, "b": TEXT}, has_more=True)
RELAY = Shape({"coil": TEXT}, {"coil_lo": TEXT}, has_more=True)
DEVICE = Shape(
    {"name": NAME, "class": CLASS, "pins": PINS},
    {"low": NUMBER, "high": NUMBER, "resistance": DURATION, "options": TABLE},
)
FAULT = Shape({"kind": TEXT}, has_more=True)
_TIME = {"after": AMOUNT, "lasting": DURATION}
FAULTS: Mapping[str, Shape] = {
    "open": Shape({"channel": CHANNEL}, _TIME),
    "drift": Shape({"part": TEXT, "rate": NUMBER}, _TIME),
    "over-range": Shape({"device": TEXT}, _TIME),
    "clip-input": Shape({"device": TEXT, "share": SHARE}, _TIME),
    "add-noise": Shape({"device": TEXT, "volts": AMOUNT}, _TIME),
    "drop-samples": Shape({"device": TEXT, "share": SHARE}, _TIME),
    "lose-triggers": Shape({"device": TEXT}, _TIME),
    "stick-relay": Shape({"device": TEXT, "relay": TEXT}, _TIME),
    "bounce-relay": Shape({"device": TEXT, "relay": TEXT, "seconds": AMOUNT}, _TIME),
    "fail-call": Shape(
        {"device": TEXT, "code": ERROR_CODE}, {"rpc": TEXT, "nth": COUNT, "text": TEXT, **_TIME}
    ),
    "stop-answering": Shape({"device": TEXT}, _TIME),
}
"""The arguments of each kind of fault."""
