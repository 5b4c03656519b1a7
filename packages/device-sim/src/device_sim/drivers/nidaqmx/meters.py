"""What a counter measures, made of the edges of its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from device_sim.bench import Edge


class Line(Protocol):
    """A logic input. It is asked for ascending times."""

    def count(self, until: float, *, rising: bool) -> int:
        """Return the number of edges of one kind since the last one that was asked for."""
        ...

    def counts(self, times: npt.NDArray[np.float64], *, rising: bool) -> npt.NDArray[np.int64]:
        """Return what `count` does for each of some ascending times, from the first count on."""
        ...

    def take(self, most: int, until: float) -> list[Edge]:
        """Return the next edges, up to a number of them and up to a time."""
        ...


class Still:
    """A line without any edge."""

    def count(self, until: float, *, rising: bool) -> int:
        """Return 0."""
        return 0

    def counts(self, times: npt.NDArray[np.float64], *, rising: bool) -> npt.NDArray[np.int64]:
        """Return 0 for each time."""
        return np.zeros(len(times), np.int64)

    def take(self, most: int, until: float) -> list[Edge]:
        """Return no edge."""
        return []


@dataclass(frozen=True, slots=True)
class Span:
    """Which edges a measurement needs. Rising and falling ones come in turn."""

    parts: tuple[tuple[int, int], ...]
    """The numbers of the first and last edge of each time that is measured."""

    step: int
    """The number of edges from one measurement to the next."""

    rising: bool | None
    """The first edge of a measurement; None for any."""


def periods(count: int, *, rising: bool) -> Span:
    """Measure the time of some periods together."""
    return Span(((0, 2 * count),), 2 * count, rising)


def width(*, rising: bool) -> Span:
    """Measure the time from one edge to the next one of the other kind."""
    return Span(((0, 1),), 2, rising)


def semi_period() -> Span:
    """Measure the time from each edge to the next one."""
    return Span(((0, 1),), 1, None)


def pulse(*, rising: bool) -> Span:
    """Measure both parts of a period."""
    return Span(((0, 1), (1, 2)), 2, rising)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement."""

    at: float
    """The time of its last edge."""

    ticks: tuple[int, ...]
    """The periods of the timebase in each of its parts, at least 1."""


class Meter:
    """Measures times between edges, in periods of a timebase.

    Args:
        line: The input.
        span: The edges of a measurement.
        timebase: Hertz of the timebase.
    """

    def __init__(self, line: Line, span: Span, timebase: float) -> None:
        self._line = line
        self._span = span
        self._timebase = timebase
        self._edges: list[Edge] = []

    def take(self, most: int, until: float) -> list[Measured]:
        """Return the next measurements, up to a number of them and up to a time."""
        found: list[Measured] = []
        last = max(last for _, last in self._span.parts)
        while len(found) < most:
            self._fill(last + 1 + (most - len(found) - 1) * self._span.step, until)
            if len(self._edges) <= last:
                break
            ticks = tuple(self._between(*part) for part in self._span.parts)
            found.append(Measured(self._edges[last].at, ticks))
            del self._edges[: self._span.step]
        return found

    def _between(self, first: int, last: int) -> int:
        seconds = self._edges[last].at - self._edges[first].at
        return max(1, round(seconds * self._timebase))

    def _fill(self, wanted: int, until: float) -> None:
        """Take edges, so that as many as wanted are there, if they have come."""
        while len(self._edges) < wanted:
            new = self._line.take(wanted - len(self._edges), until)
            if not new:
                return
            self._edges += new
            first = self._span.rising
            if first is not None and self._edges[0].rising is not first:
                del self._edges[0]


class Gate:
    """Counts edges in equal times, one after the other.

    Args:
        line: The input.
        begin: The begin of the first time, in seconds.
        seconds: The length of each.
        rising: The edges that count.
    """

    def __init__(self, line: Line, begin: float, seconds: float, *, rising: bool) -> None:
        self._line = line
        self._end = begin
        self._seconds = seconds
        self._rising = rising

    def take(self, most: int, until: float) -> list[Measured]:
        """Return the next counts, up to a number of them and up to a time."""
        found: list[Measured] = []
        while len(found) < most and self._end + self._seconds <= until:
            self._end += self._seconds
            count = self._line.count(self._end, rising=self._rising)
            found.append(Measured(self._end, (count,)))
        return found
