"""The distribution of values around their limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from json_logger_server.report.results import Bounds

_BINS = 32
_WIDEST = 3.0
"""The bins cover at most so many times the distance of the limits; other values are counted in the
first and the last bin. Otherwise, one open contact would hide the distribution of all others."""
_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values in bins of equal width."""

    low: float
    """Lower end of the first bin."""
    width: float
    """Width of a bin."""
    counts: Mapping[str, list[int]]
    """Counts in each bin, by place."""
    below: int
    """Values below the first bin, which are counted in it."""
    above: int
    """Values above the last bin, which are counted in it."""

    @property
    def centers(self) -> list[float]:
        """The middle of each bin."""
        return [self.low + (index + 0.5) * self.width for index in range(_BINS)]

    @property
    def texts(self) -> list[str]:
        """The range of each bin for people."""
        edges = [self.low + index * self.width for index in range(_BINS + 1)]
        texts = [f"{edges[i]:.5g} to {edges[i + 1]:.5g}" for i in range(_BINS)]
        if self.below:
            texts[0] = f"below {edges[1]:.5g}"
        if self.above:
            texts[-1] = f"above {edges[-2]:.5g}"
        return texts

    def axis(self, label: str) -> str:
        """Return the title of the axis. It says how many values are beyond the bins."""
        beyond = [
            f"{count:,} {word}"
            for count, word in ((self.below, "farther below"), (self.above, "farther above"))
            if count
        ]
        return f"{label}; {', '.join(beyond)}" if beyond else label


def histogram(values: Mapping[str, Sequence[float]], bounds: Bounds) -> Histogram | None:
    """Count values in bins that show them and their limits.

    Args:
        values: The values by place; at least one in all.
        bounds: Their limits.

    Returns:
        The counts; None if the values are at the ends of the range of numbers.
    """
    low, high = _range(values, bounds)
    width = (high - low) / _BINS
    if not 0 < width < math.inf:
        return None
    below = sum(value < low for series in values.values() for value in series)
    above = sum(value > high for series in values.values() for value in series)
    counts = {place: _counts(series, low, high, width) for place, series in values.items()}
    return Histogram(low, width, counts, below, above)


def _counts(series: Sequence[float], low: float, high: float, width: float) -> list[int]:
    counts = [0] * _BINS
    for value in series:
        inside = min(max(value, low), high)
        counts[min(int((inside - low) / width), _BINS - 1)] += 1
    return counts


def _range(values: Mapping[str, Sequence[float]], bounds: Bounds) -> tuple[float, float]:
    """Return the range of the bins: all values and limits, unless some values are far away."""
    limits = [limit for limit in bounds if limit is not None]
    least, most = _ends(values)
    low, high = min(least, *limits), max(most, *limits)
    if bounds.low is not None and bounds.high is not None and bounds.low < bounds.high:
        beyond = (bounds.high - bounds.low) * (_WIDEST - 1) / 2
        low, high = max(low, bounds.low - beyond), min(high, bounds.high + beyond)
    margin = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    return low - margin, high + margin


def _ends(values: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Return the range in which nearly all values are: the extremes without far outliers."""
    ordered = sorted(_all(values))
    quarter, three_quarters = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    reach = 5 * (three_quarters - quarter) or max(abs(quarter), 1.0)
    return max(ordered[0], quarter - reach), min(ordered[-1], three_quarters + reach)


def _all(values: Mapping[str, Sequence[float]]) -> Iterator[float]:
    for series in values.values():
        yield from series
