"""Name the numbers in a record: `outputs.current`, `outputs.fit.slope`, `outputs.voltages[2]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from json_logger_client.records import LogRecord, as_waveform

from measurement_console.sources.series import number_at

_PLACES = {"outputs": "measurement_outputs", "configurations": "measurement_configurations"}
_MOST_ELEMENTS = 16
"""Elements of an array that are fields of their own."""
_DEEPEST = 4
_ELEMENT = re.compile(r"(.*)\[(\d{1,4})\]", re.DOTALL)


def numbers_of(record: LogRecord) -> Iterator[str]:
    """Yield the names of the fields of a record that a plot can show."""
    yield from _numbers("outputs", record.measurement_outputs, 0)
    yield from _numbers("configurations", record.measurement_configurations, 0)


def waveforms_of(record: LogRecord) -> Iterator[str]:
    """Yield the names of the outputs of a record that are waveforms."""
    for key, value in record.measurement_outputs.items():
        if isinstance(value, Mapping) and as_waveform(value, "") is not None:
            yield f"outputs.{key}"


class Field:
    """A number in the records, by its name."""

    def __init__(self, name: str) -> None:
        """Prepare to take the number out of records."""
        first, _, self._path = name.partition(".")
        self._place = _PLACES.get(first, "measurement_outputs")
        element = _ELEMENT.fullmatch(self._path)
        self._index = int(element[2]) if element else None
        if element:
            self._path = element[1]

    def value(self, record: LogRecord) -> float | None:
        """Return the number in a record; None if it has none."""
        value = _value(getattr(record, self._place), self._path)
        if self._index is not None:
            is_there = isinstance(value, list) and self._index < len(value)
            value = value[self._index] if is_there else None
        return number_at(value)

    def raw(self, record: LogRecord) -> Any:
        """Return what a record has there."""
        return _value(getattr(record, self._place), self._path)

    def limits(self, record: LogRecord) -> tuple[float | None, float | None] | None:
        """Return the lowest and the highest value that pass; None if the record has no limits."""
        if not isinstance(record.limits, Mapping):
            return None
        limits = _value(record.limits, self._path)
        if isinstance(limits, list) and self._index is not None:
            limits = limits[self._index] if self._index < len(limits) else None
        if not isinstance(limits, Mapping):
            return None
        return number_at(limits.get("low")), number_at(limits.get("high"))


def _numbers(name: str, value: Any, depth: int) -> Iterator[str]:
    if number_at(value) is not None:
        yield name
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for key, part in value.items():
            yield from _numbers(f"{name}.{key}", part, depth + 1)
    elif isinstance(value, list):
        for index, part in enumerate(value[:_MOST_ELEMENTS]):
            if number_at(part) is not None:
                yield f"{name}[{index}]"


def _value(place: Any, path: str) -> Any:
    """Return the value at a path; a key may itself have dots."""
    if not isinstance(place, Mapping):
        return None
    if path in place:
        return place[path]
    key, dot, rest = path.partition(".")
    while dot:
        if key in place:
            found = _value(place[key], rest)
            if found is not None:
                return found
        more, dot, rest = rest.partition(".")
        key = f"{key}.{more}"
    return None
