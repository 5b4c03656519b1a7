"""The contents of a report: series of numbers, counts of texts, and numbers of omitted values."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from json_logger_client.records import Waveform

from json_logger_server.report.results import Bounds, Count, Results

_MOST_TEXTS = 1_000
"""Number of different texts of one output that are counted separately."""


@dataclass(slots=True)
class Series:
    """One quantity at one place over time."""

    times: list[datetime] = field(default_factory=list)
    values: array[float] = field(default_factory=lambda: array("d"))
    uuts: array[int] = field(default_factory=lambda: array("l"))
    """For each point, the index of its unit under test in the log; -1 for none."""
    missing: int = 0
    """Number of values that are not finite: NaN, an infinity, or null."""
    bounds: Counter[Bounds] = field(default_factory=Counter)
    """The limits of the values, with the number of values."""
    results: Count = field(default_factory=Count)
    """The values that have limits."""

    def add(self, when: datetime, value: float | None, uut: int = -1) -> None:
        """Add a value; only finite numbers become points."""
        if value is None or not math.isfinite(value):
            self.missing += 1
        else:
            self.times.append(when)
            self.values.append(value)
            self.uuts.append(uut)

    def check(self, value: float | None, bounds: Bounds) -> bool:
        """Compare a value with its limits, and count the result."""
        passed = bounds.allow(value)
        self.bounds[bounds] += 1
        self.results.add(passed)
        return passed

    @property
    def usual_bounds(self) -> Bounds | None:
        """The limits that most values have; None if none has limits."""
        return self.bounds.most_common(1)[0][0] if self.bounds else None


@dataclass(slots=True)
class Tally:
    """Counts of texts or truth values."""

    counts: Counter[str] = field(default_factory=Counter)
    others: int = 0
    """Number of further texts, if there are too many different ones."""

    def add(self, text: str) -> None:
        """Count a text."""
        if text in self.counts or len(self.counts) < _MOST_TEXTS:
            self.counts[text] += 1
        else:
            self.others += 1

    @property
    def total(self) -> int:
        """Number of all texts that were counted."""
        return self.counts.total() + self.others


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of some values in a table."""

    count: int
    lowest: float
    mean: float
    highest: float
    last: float


def statistics(values: Sequence[float]) -> Statistics | None:
    """Return the statistics of finite values; None if there are no values."""
    if not values:
        return None
    # The sum of the values can leave the range of a double; the sum of the scaled values cannot.
    count = len(values)
    mean = math.fsum(value / count for value in values)
    return Statistics(count, min(values), mean, max(values), values[-1])


@dataclass(slots=True)
class Quantity:
    """One output of a measurement in one unit, at all places."""

    series: defaultdict[str, Series] = field(default_factory=lambda: defaultdict(Series))
    """Series by place. A place is a site and pin, or the index in a list without them."""
    waveform: Sequence[float] = ()
    """The finite samples of the latest waveform, or long list without sites and pins."""
    step: float = 0.0
    """Seconds between two samples of the waveform; 0 if they are not known."""
    latest: Waveform | None = None
    """The latest waveform, whose samples are not read yet."""
    tallies: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """Texts and truth values, by place."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.series or len(self.waveform) or self.latest or self.tallies)


@dataclass(slots=True)
class Measurement:
    """All records of one name, and of one condition if the report separates conditions."""

    name: str
    condition: str = ""
    """The values of the configurations by which the report separates records, as text."""
    records: int = 0
    quantities: defaultdict[tuple[str, str], Quantity] = field(
        default_factory=lambda: defaultdict(Quantity)
    )
    """Quantities by output and unit. An output with another unit is another quantity."""
    configurations: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """The values of each configuration."""


@dataclass(slots=True)
class LogContents:
    """The contents of a log, for a report."""

    files: set[str] = field(default_factory=set)
    """Paths of the files with records: the log and its rotated files."""
    records: int = 0
    unreadable: int = 0
    """Number of lines that are not records."""
    left_out: int = 0
    """Number of values that are neither numbers nor texts, nor lists of them."""
    first: datetime | None = None
    last: datetime | None = None
    writers: set[str] = field(default_factory=set)
    measurements: dict[tuple[str, str], Measurement] = field(default_factory=dict)
    """Measurements by name and condition."""
    uuts: dict[str, int] = field(default_factory=dict)
    """The serial numbers of the units under test, each with its index in the order of the log."""
    results: Results = field(default_factory=Results)

    def note_time(self, when: datetime) -> None:
        """Note the time of a measurement."""
        self.first = min(self.first or when, when)
        self.last = max(self.last or when, when)


def thinned(series: Series, most: int) -> Sequence[int]:
    """Return the indices of about `most` points, including the extremes of every part."""
    count = len(series.values)
    if count <= most:
        return range(count)
    stretch = -(-2 * count // most)
    kept: list[int] = []
    for start in range(0, count, stretch):
        indices = range(start, min(start + stretch, count))
        lowest = min(indices, key=series.values.__getitem__)
        highest = max(indices, key=series.values.__getitem__)
        kept += sorted({lowest, highest})
    return kept
