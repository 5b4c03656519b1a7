"""What a report tells of a log: series of numbers, tallies of texts, and what it leaves out."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

_MOST_TEXTS = 1_000
"""Different texts of one output that are counted apart."""


@dataclass(slots=True)
class Series:
    """One quantity at one place over time."""

    times: list[datetime] = field(default_factory=list)
    values: array[float] = field(default_factory=lambda: array("d"))
    missing: int = 0
    """How often there was no finite number: NaN, an infinity, or null."""

    def add(self, when: datetime, value: float | None) -> None:
        """Add a value; only finite numbers become points."""
        if value is None or not math.isfinite(value):
            self.missing += 1
        else:
            self.times.append(when)
            self.values.append(value)


@dataclass(slots=True)
class Tally:
    """Texts or truth values, and how often each came."""

    counts: Counter[str] = field(default_factory=Counter)
    others: int = 0
    """How often others came, where there are too many different ones."""

    def add(self, text: str) -> None:
        """Count a text."""
        if text in self.counts or len(self.counts) < _MOST_TEXTS:
            self.counts[text] += 1
        else:
            self.others += 1

    @property
    def total(self) -> int:
        """How many were counted."""
        return self.counts.total() + self.others


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a table says of some values."""

    count: int
    lowest: float
    mean: float
    highest: float
    last: float


def statistics(values: Sequence[float]) -> Statistics | None:
    """Sum finite values up; None when there are none."""
    if not values:
        return None
    # Of sums that leave the range of a double, the mean of the scaled values does not.
    count = len(values)
    mean = math.fsum(value / count for value in values)
    return Statistics(count, min(values), mean, max(values), values[-1])


@dataclass(slots=True)
class Quantity:
    """One output of a measurement in one unit, at all places."""

    series: dict[str, Series] = field(default_factory=dict)
    """By place: site and pin, or the index in a list without them."""
    waveform: list[float] = field(default_factory=list)
    """The finite samples of the latest long list without sites and pins."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    """Texts and truth values, by place."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it can be shown."""
        return not (self.series or self.waveform or self.tallies)


@dataclass(slots=True)
class Measurement:
    """All records of one name, and of one condition where records are told apart."""

    name: str
    condition: str = ""
    """The values of the configurations that records are told apart by, as text."""
    records: int = 0
    quantities: dict[tuple[str, str], Quantity] = field(default_factory=dict)
    """By output and unit: what has another unit is another quantity."""
    configurations: dict[str, Tally] = field(default_factory=dict)
    """The values of each configuration."""

    def quantity(self, output: str, unit: str) -> Quantity:
        """Give a quantity, which is new when it was not there."""
        return self.quantities.setdefault((output, unit), Quantity())


@dataclass(slots=True)
class LogContents:
    """What a log tells."""

    files: int = 0
    """Files that were read: the log and its rotated ones."""
    records: int = 0
    unreadable: int = 0
    """Lines that are no records."""
    left_out: int = 0
    """Values of records that are neither numbers nor texts, nor lists of them."""
    first: datetime | None = None
    last: datetime | None = None
    writers: set[str] = field(default_factory=set)
    measurements: dict[tuple[str, str], Measurement] = field(default_factory=dict)
    """By name and condition."""

    def note_time(self, when: datetime) -> None:
        """Note when something was measured."""
        self.first = min(self.first or when, when)
        self.last = max(self.last or when, when)


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
