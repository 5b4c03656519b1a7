"""Keep the points of one number of a log, reduced to what a plot can show.

A series has buckets of equally many values. It keeps the lowest and the highest value of each
bucket, which are values of the log. When there are too many buckets, two neighbours become one. So
memory is bounded however long the log is, no peak is lost, and all browsers see the same points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

MOST_POINTS = 4000
_MOST_BUCKETS = MOST_POINTS // 2


@dataclass(frozen=True, slots=True)
class Point:
    """A value of the log."""

    seq: int
    """Number of the record."""
    time: float
    """Seconds since 1970."""
    value: float


@dataclass(slots=True)
class _Bucket:
    low: Point
    high: Point

    def add(self, point: Point) -> None:
        """Take a later point."""
        if point.value < self.low.value:
            self.low = point
        if point.value > self.high.value:
            self.high = point

    def points(self) -> list[Point]:
        """Return the lowest and the highest point, in their order."""
        if self.low is self.high:
            return [self.low]
        return sorted((self.low, self.high), key=lambda point: point.seq)


class Series:
    """The points of one number. Not thread-safe."""

    def __init__(self, base: int = 0) -> None:
        """Begin without a point.

        Args:
            base: Begin to count the points here; a reader with a lower count gets all points.
        """
        self._base = base
        self._buckets: list[_Bucket] = []
        self._width = 1
        self.count = base
        """Number of points so far, and the base."""
        self.limits: tuple[float | None, float | None] = (None, None)
        """The lowest and the highest value that pass, as the last record says."""

    def add(self, point: Point) -> None:
        """Add a point; a value that is not finite is left out."""
        if not math.isfinite(point.value):
            return
        index = (self.count - self._base) // self._width
        if index >= _MOST_BUCKETS:
            self._halve()
            index = (self.count - self._base) // self._width
        self.count += 1
        if index < len(self._buckets):
            self._buckets[index].add(point)
        else:
            self._buckets.append(_Bucket(point, point))

    def since(self, count: int) -> tuple[int, list[list[Point]]]:
        """Return the buckets that have changed since the series had `count` points.

        Returns:
            The index of the first of them, and the points of each.
        """
        first = 0
        if count > self._base and self._width_at(count) == self._width:
            first = (count - self._base) // self._width
        return first, [bucket.points() for bucket in self._buckets[first:]]

    def _width_at(self, count: int) -> int:
        width = 1
        while (count - self._base - 1) // width >= _MOST_BUCKETS:
            width *= 2
        return width

    def _halve(self) -> None:
        """Join each bucket with its neighbour."""
        joined = self._buckets[::2]
        for bucket, later in zip(joined, self._buckets[1::2], strict=False):
            bucket.add(later.low)
            bucket.add(later.high)
        self._buckets = joined
        self._width *= 2


def number_at(value: Any) -> float | None:
    """Return a number in a record; None for anything else. The texts of JSON's NaN are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
