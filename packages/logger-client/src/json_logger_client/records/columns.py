"""Find the columns of the records of each measurement, and take their values.

The name of a column is the path of its values in the record: `configurations.voltage`,
`outputs.fit.slope`, `uut.serial`. A dot or backslash in a key gets a backslash before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

from json_logger_proto.log_format import WAVEFORM_KEY
from session_sharing import LimitExceededError

from json_logger_client.records.record import LogRecord
from json_logger_client.records.restoring import NOT_FINITE, as_written, time_of
from json_logger_client.records.types import (
    FLOAT64,
    INT64,
    TEXT,
    TIME,
    ColumnType,
    Seen,
)
from json_logger_client.records.waveforms import is_reference

_DEEPEST = 8
"""Levels of objects whose values are columns of their own; deeper objects are JSON text."""
_MOST_COLUMNS = 2_000
_OWN: dict[str, ColumnType] = {
    "timestamp": TIME,
    "seq": INT64,
    "client": TEXT,
    "client_seq": INT64,
    "writer": TEXT,
}
"""The columns that every table has."""
_PARTS_OF_WAVEFORM: dict[str, ColumnType] = {"t0": TEXT, "dt": FLOAT64, "unit": TEXT}
"""The columns beside one of waveforms."""
_SHORT = {
    "configurations": "measurement_configurations",
    "outputs": "measurement_outputs",
}
_MEANINGS = ("units", "limits", "status", "uut", "station", "operator", "sequence")
_FIELDS = (*_SHORT, *_MEANINGS)
"""The first parts of the names of all other columns, in the order of the columns."""

Path = tuple[str, ...]

_MEANING = attrgetter(*_MEANINGS)
_NO_MEANING = (None,) * len(_MEANINGS)
_GETTERS: dict[str, Callable[[LogRecord], Any]] = {
    **{name: attrgetter(_SHORT.get(name, name)) for name in (*_OWN, *_FIELDS)},
    "client": lambda record: record.client or None,
    "writer": lambda record: record.writer or None,
}
_ROOTS = {(name,) for name in _SHORT}
_NOTHING: dict[str, Any] = {}
_ALREADY_FLOATS = {float, type(None)}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a measurement's table."""

    name: str
    path: Path
    """The field of the record, and the keys in it."""
    type: ColumnType
    has_parts: bool = False
    """Whether some values are objects, whose parts are other columns."""

    @property
    def keys(self) -> Path:
        """The keys in the line of a record at which the values are."""
        first, *keys = self.path
        return (_SHORT.get(first, first), *keys)

    def values(self, records: Sequence[LogRecord]) -> list[Any]:
        """Return the values of some records as JSON has them; None where a record has none."""
        first, *keys = self.path
        values = [*map(_GETTERS[first], records)]
        for key in keys:
            values = [value.get(key) if type(value) is dict else None for value in values]
        if self.has_parts:
            values = [None if _has_parts(value) else value for value in values]
        return values


class ColumnFinder:
    """Finds the columns of one measurement from all its records."""

    def __init__(self, measurement_name: str, *, with_log: bool = False) -> None:
        """Begin without a column.

        Args:
            measurement_name: The measurement's name, for messages.
            with_log: Begin with a column that has the path of the log.
        """
        self._name = measurement_name
        self._own = {"log": TEXT, **_OWN} if with_log else _OWN
        self._seen: dict[Path, Seen] = {}
        self._divided: set[Path] = set()
        """Paths at which a record has an object with parts."""
        self._appeared: dict[Path, int] = {}
        """The order in which paths appeared."""
        self.records = 0
        """Number of records so far."""

    def add(self, records: Sequence[LogRecord]) -> dict[Path, list[Any]]:
        """Note the values of some records.

        Returns:
            The values of the columns that these records have, by the column's path.

        Raises:
            LimitExceededError: There are too many columns.
        """
        self.records += len(records)
        found: dict[Path, list[Any]] = {}
        meanings = [*map(_MEANING, records)]
        without = meanings.count(_NO_MEANING) == len(records)
        for first in _SHORT if without else _FIELDS:
            values = [*map(_GETTERS[first], records)]
            if any(value is not None for value in values):
                self._add((first,), values, found)
        return found

    @property
    def is_settled(self) -> bool:
        """Whether every column had a value, so that only a value of another type changes it."""
        return all(seen.is_settled for seen in self._seen.values())

    def columns(self) -> list[Column]:
        """Return the columns: first those that every table has, then by field, as they appeared.

        The parts of an object stand together.
        """
        found = [Column(name, (name,), kind) for name, kind in self._own.items()]
        for path, seen in sorted(self._seen.items(), key=lambda item: self._place(item[0])):
            name, kind = _name_of(path), seen.column_type()
            found.append(Column(name, path, kind, path in self._divided))
            if kind.kind == "waveform":
                prefix = f"{name}.{WAVEFORM_KEY}" if path in self._divided else name
                found += (
                    Column(f"{prefix}.{part}", (*path, WAVEFORM_KEY, part), kind)
                    for part, kind in _PARTS_OF_WAVEFORM.items()
                )
        return found

    def _place(self, path: Path) -> list[int]:
        """Return the place of a column among the others: that of each of its keys."""
        keys = (self._appeared[path[:length]] for length in range(2, len(path) + 1))
        return [_FIELDS.index(path[0]), *keys]

    def _add(self, path: Path, values: list[Any], found: dict[Path, list[Any]]) -> None:
        self._appeared.setdefault(path, len(self._appeared))
        kinds = set(map(type, values))
        if dict in kinds and len(path) <= _DEEPEST:
            is_root = path in _ROOTS
            objects = values if is_root else [v if _has_parts(v) else _NOTHING for v in values]
            for key in dict.fromkeys(chain.from_iterable(objects)):
                self._divided.add(path)
                self._add((*path, key), [value.get(key) for value in objects], found)
            if is_root:
                return
            values = [None if _has_parts(value) else value for value in values]
            kinds = set(map(type, values))
            if kinds == {type(None)}:
                return
        if path not in self._seen:
            self._check_room()
            self._seen[path] = Seen()
        self._seen[path].add(values, kinds)
        found[path] = values

    def _check_room(self) -> None:
        if len(self._seen) >= _MOST_COLUMNS:
            raise LimitExceededError(
                f"The records of {self._name!r} have more than {_MOST_COLUMNS} different keys, too "
                "many for columns. Choose fewer records by a filter, or read them by read_log."
            )


def as_values(values: Sequence[Any], kind: ColumnType) -> Sequence[Any]:
    """Return the values of a column as Python has them: the texts of numbers and times restored.

    Args:
        values: Values as JSON has them.
        kind: The type of the column.
    """
    if kind.kind == "json":
        return [None if value is None else as_json(value) for value in values]
    if kind.kind == "waveform":
        return [None if value is None else as_json(value[WAVEFORM_KEY]) for value in values]
    if kind.kind == "float64":
        return values if _ALREADY_FLOATS.issuperset(map(type, values)) else _floats(values)
    if kind.kind == "time" and str in set(map(type, values)):
        return [None if value is None else time_of(value) for value in values]
    if kind.element is not None and kind.element.kind in ("float64", "time", "list"):
        return _lists(values, kind.element)
    return values


def as_json(value: Any) -> str:
    """Return a value as compact JSON text, as the client writes it."""
    try:
        return _encode(value)
    except (TypeError, ValueError):  # a list with times, or with numbers that are not finite
        return _encode(as_written(value))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _lists(values: Sequence[Any], element: ColumnType) -> Sequence[Any]:
    """Return lists with their elements restored."""
    if element.kind == "float64":
        elements = chain.from_iterable(filter(None, values))
        if _ALREADY_FLOATS.issuperset(map(type, elements)):
            return values
    return [None if value is None else [*as_values(value, element)] for value in values]


def _floats(values: Sequence[Any]) -> list[float | None]:
    return [
        None if value is None else NOT_FINITE[value] if type(value) is str else float(value)
        for value in values
    ]


def _has_parts(value: Any) -> bool:
    """Return whether a value is an object whose parts are columns of their own."""
    return type(value) is dict and bool(value) and not is_reference(value)


def _name_of(path: Path) -> str:
    first, *keys = path
    return ".".join([first, *map(_escaped, keys)])


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.")
