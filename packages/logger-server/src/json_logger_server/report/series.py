"""What a log tells over time: a series of numbers for each measurement, quantity, site and pin."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

_SITES, _PINS, _UNITS = "measurement_sites", "measurement_pin_names", "units"
_LONGEST_LIST = 16
"""Values without pins that get a series each; a longer list is a waveform."""


@dataclass(slots=True)
class Series:
    """One quantity at one place over time."""

    times: list[datetime] = field(default_factory=list)
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a table says of some values."""

    count: int
    lowest: float
    mean: float
    highest: float
    last: float


def statistics(values: Sequence[float]) -> Statistics:
    """Sum values up, of which there must be one."""
    count = len(values)
    return Statistics(count, min(values), sum(values) / count, max(values), values[-1])


@dataclass(slots=True)
class Quantity:
    """One output of a measurement, at all places."""

    unit: str = ""
    series: dict[str, Series] = field(default_factory=dict)
    """By place: site and pin, or the index in a list without them."""
    waveform: list[float] = field(default_factory=list)
    """The latest long list without sites and pins."""
    true: int = 0
    false: int = 0


@dataclass(slots=True)
class Measurement:
    """All records of one name."""

    records: int = 0
    quantities: dict[str, Quantity] = field(default_factory=dict)


@dataclass(slots=True)
class LogContents:
    """What a log tells."""

    records: int = 0
    unreadable: int = 0
    """Lines that are no records."""
    first: datetime | None = None
    last: datetime | None = None
    writers: set[str] = field(default_factory=set)
    measurements: dict[str, Measurement] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """Add a line of a log."""
        try:
            record = json.loads(line)
            when = msgspec.convert(record["timestamp"], datetime)
            name, outputs = str(record["measurement_name"]), record["measurement_outputs"]
            outputs = {key: _read_text(value) for key, value in outputs.items()}
        except (ValueError, LookupError, TypeError, AttributeError, msgspec.ValidationError):
            self.unreadable += 1
            return
        self.records += 1
        self.first = min(self.first or when, when)
        self.last = max(self.last or when, when)
        if record.get("writer"):
            self.writers.add(str(record["writer"]))
        measurement = self.measurements.setdefault(name, Measurement())
        measurement.records += 1
        _take_outputs(measurement, when, outputs)


def read_log(path: Path) -> LogContents:
    """Read a whole log.

    Raises:
        OSError: It cannot be read.
    """
    contents = LogContents()
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                contents.take(line)
    return contents


def _take_outputs(measurement: Measurement, when: datetime, outputs: Mapping[str, Any]) -> None:
    places = _places(outputs)
    units = outputs.get(_UNITS)
    for name, value in outputs.items():
        if name in (_SITES, _PINS, _UNITS):
            continue
        quantity = measurement.quantities.setdefault(name, Quantity())
        if isinstance(units, Mapping):
            quantity.unit = str(units.get(name, quantity.unit))
        _take_value(quantity, when, value, places)


def _take_value(quantity: Quantity, when: datetime, value: Any, places: Sequence[str]) -> None:
    if isinstance(value, bool):
        quantity.true += value
        quantity.false += not value
    elif isinstance(value, (int, float)):
        _add(quantity, places[0] if len(places) == 1 else "", when, value)
    elif isinstance(value, list) and value and all(isinstance(item, bool) for item in value):
        quantity.true += sum(value)
        quantity.false += len(value) - sum(value)
    elif isinstance(value, list) and len(value) > _LONGEST_LIST and len(value) != len(places):
        quantity.waveform = [float(item) for item in value if _is_number(item)]
    elif isinstance(value, list):
        names = places if len(places) == len(value) else [f"[{i}]" for i in range(len(value))]
        for place, item in zip(names, value, strict=True):
            if _is_number(item):
                _add(quantity, place, when, item)


def _add(quantity: Quantity, place: str, when: datetime, value: float) -> None:
    series = quantity.series.setdefault(place, Series())
    series.times.append(when)
    series.values.append(float(value))


def _places(outputs: Mapping[str, Any]) -> list[str]:
    """Name where the values of a record come from, when it tells sites and pins."""
    sites, pins = outputs.get(_SITES), outputs.get(_PINS)
    if not isinstance(sites, list) or not isinstance(pins, list) or len(sites) != len(pins):
        return []
    return [f"{pin}, site {site}" for site, pin in zip(sites, pins, strict=True)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_text(value: Any) -> Any:
    """Give the number or list that a text stands for, as the reference protocol has texts only."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=lambda name: name)
    except ValueError:
        return value


def thinned(series: Series, most: int) -> tuple[Sequence[datetime], Sequence[float]]:
    """Give a series with at most about `most` points, the extremes of every stretch among them."""
    count = len(series.values)
    if count <= most:
        return series.times, list(series.values)
    stretch = -(-2 * count // most)
    kept: list[int] = []
    for start in range(0, count, stretch):
        indices = range(start, min(start + stretch, count))
        lowest = min(indices, key=series.values.__getitem__)
        highest = max(indices, key=series.values.__getitem__)
        kept += sorted({lowest, highest})
    return [series.times[i] for i in kept], [series.values[i] for i in kept]
