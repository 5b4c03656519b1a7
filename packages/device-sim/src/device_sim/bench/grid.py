"""Equidistant times."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from device_sim.bench.equations import Vector

_SAME = 1e-9  # Relative difference of times that counts as none.


@dataclass(frozen=True, slots=True)
class Grid:
    """Equidistant times: those of a record, or points at which a search looks."""

    begin: float
    """The first time, in seconds."""

    spacing: float
    """Seconds from one time to the next."""

    count: int
    """The number of times, at least 1."""

    @classmethod
    def over(cls, begin: float, end: float, count: int) -> Grid:
        """Return a grid from one time to another, both included."""
        return cls(begin, (end - begin) / max(count - 1, 1), count)

    @property
    def times(self) -> Vector:
        """All times."""
        return np.asarray(self.begin + np.arange(self.count) * self.spacing, dtype=np.float64)

    def at(self, index: int) -> float:
        """Return the time with a number."""
        return self.begin + index * self.spacing

    @property
    def end(self) -> float:
        """The last time."""
        return self.at(self.count - 1)

    def part(self, first: int, last: int) -> Grid:
        """Return the times from the number `first` to before `last`."""
        return Grid(self.at(first), self.spacing, last - first)

    def count_before(self, time: float) -> int:
        """Return how many times are before `time`."""
        if self.count == 1 or self.begin >= time:
            return int(self.begin < time)
        return min(self._first_at(time, 0), self.count)

    def not_before(self, time: float) -> Grid:
        """Return the grid, moved to a time if it is a single time before that."""
        return Grid(time, 0.0, 1) if self.count == 1 and self.begin < time else self

    def split(self, begins: Sequence[float]) -> Iterator[tuple[int, Grid]]:
        """Yield the parts of the grid in stretches of time, each with the number of its stretch.

        Args:
            begins: The times at which the stretches begin, ascending. Times before the first one
                count to the first stretch.
        """
        first = 0
        while first < self.count:
            number = max(bisect_right(begins, self.at(first)) - 1, 0)
            last = self.count
            if number + 1 < len(begins) and begins[number + 1] <= self.end:
                last = self._first_at(begins[number + 1], first + 1)
            yield number, self.part(first, last)
            first = last

    def _first_at(self, time: float, least: int) -> int:
        """Return the number of the first time that is not before `time`, or `least`."""
        number = max(int((time - self.begin) / self.spacing) - 1, least)
        while number < self.count and self.at(number) < time:
            number += 1
        return number


def grids_of(times: Vector) -> Iterator[Grid]:
    """Yield grids that together have some ascending times."""
    gaps = np.diff(times)
    first = 0
    while first < len(times):
        last = first + 1
        if last < len(times):
            other = np.flatnonzero(abs(gaps[first:] - gaps[first]) > _SAME * gaps[first])
            last = first + int(other[0]) + 1 if len(other) else len(times)
        yield Grid.over(float(times[first]), float(times[last - 1]), last - first)
        first = last
