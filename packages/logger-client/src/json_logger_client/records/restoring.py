"""Restore the values for which JSON has no type of its own.

One rule holds for every reader: the texts that the client writes for a value mean this value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import msgspec

from json_logger_client.records.record import LogRecord
from json_logger_client.records.waveforms import as_waveform, import_numpy

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The texts that the client writes for numbers that JSON does not have."""

_SHORTEST_TIME = len("2026-01-31T12:00:00Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z", re.ASCII)
_AS_THEY_ARE = {int, float, bool, type(None)}
_NUMBERS = ({int}, {float}, {int, float})
_EXACT = 1 << 53


def time_of(text: str) -> datetime | None:
    """Return the time that a text means in the form in which the client writes times in UTC."""
    if len(text) < _SHORTEST_TIME or not _TIME.fullmatch(text):
        return None
    try:
        return msgspec.convert(text, datetime)
    except msgspec.MsgspecError:
        return None


def as_text(value: datetime | float) -> str:
    """Return a time or a number that is not finite as the client writes it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def as_written(value: Any) -> Any:
    """Return a value as the client writes it: times, and numbers that are not finite, as texts."""
    if isinstance(value, list):
        return [*map(as_written, value)]
    is_text = isinstance(value, datetime) or (isinstance(value, float) and not math.isfinite(value))
    return as_text(value) if is_text else value


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores the values of records."""

    arrays: bool = False
    """Return lists of numbers as numpy arrays."""

    def restore(self, record: LogRecord) -> None:
        """Restore the configurations and outputs of a record in place."""
        for values in (record.measurement_configurations, record.measurement_outputs):
            for key, value in values.items():
                if not isinstance(value, (float, int)):
                    values[key] = self._restored(value, record)

    def _restored(self, value: Any, record: LogRecord) -> Any:
        if isinstance(value, str):
            found = NOT_FINITE.get(value)
            return found if found is not None else (time_of(value) or value)
        if isinstance(value, dict):
            waveform = as_waveform(value, record.file, record.__dict__.get("waveforms"))
            if waveform is not None:
                return waveform
            return {key: self._restored(item, record) for key, item in value.items()}
        if isinstance(value, list):
            items = value
            if not _AS_THEY_ARE.issuperset(map(type, value)):
                items = [self._restored(item, record) for item in value]
            return _as_array(items) if self.arrays else items
        return value


def _as_array(items: list[Any]) -> Any:
    """Return numbers or booleans, or equal arrays of them, as an array; any other list as it is."""
    kinds = set(map(type, items))
    numpy = import_numpy()
    if kinds == {numpy.ndarray}:
        alike = len({(item.shape, item.dtype) for item in items}) == 1
        return numpy.stack(items) if alike else items
    if kinds == {bool}:
        return numpy.array(items, dtype=bool)
    if kinds not in _NUMBERS:
        return items
    integers = [item for item in items if type(item) is int]
    if float in kinds:
        exact = all(-_EXACT <= item <= _EXACT for item in integers)
        return numpy.array(items, dtype=float) if exact else items
    low, high = min(integers), max(integers)
    if low >= -(1 << 63) and high < 1 << 63:
        return numpy.array(items, dtype=numpy.int64)
    return numpy.array(items, dtype=numpy.uint64) if low >= 0 and high < 1 << 64 else items
