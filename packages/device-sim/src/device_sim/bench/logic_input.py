"""The edges of a logic input that is wired to a net: how many there were, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from device_sim.bench.course import Course
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid
from device_sim.bench.observer import Observer
from device_sim.nets import HIGH_FROM, LOW_TO

_POINTS = 32_768  # Points that are looked at together.
_STILL = 256  # Points of a time without waves.
_FINER = 64  # Points in which the time between two points is looked at again.
_RESOLUTION = 1e-10  # Seconds up to which the time of an edge is known.
_LEARNT = 16  # Cycles after which a signal may turn out to repeat itself,
_LOOKED_AT = 20  # if it is looked at in parts of so many,
_SAME = 1e-6  # and its volts differ by no more than this part,
_AHEAD = 1000  # for at most so many times the time that is known.
_OFF_KINKS = 0.37  # Of the time between points: kinks stand at round parts of a cycle.
_BLOCK = 2**18  # Cycles whose edges are given together.

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge."""

    at: float
    """Its time, in seconds."""

    rising: bool
    """True if the net became high."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Edges in the order of time, each between two times."""

    after: Vector
    before: Vector
    rising: Flags

    def part(self, first: int) -> _Found:
        """Return the edges from a number on."""
        return _Found(self.after[first:], self.before[first:], self.rising[first:])

    def only(self, rising: bool) -> _Found:
        """Return the edges of one kind."""
        chosen = self.rising == rising
        return _Found(self.after[chosen], self.before[chosen], self.rising[chosen])


@dataclass(frozen=True, slots=True)
class _Cycle:
    """The edges of a cycle that repeats itself."""

    course: Course
    """The course of the circuit."""

    end: float
    """The end of the cycle."""

    times: Vector
    """The times of its edges."""

    rising: Flags
    """Which of them rise."""

    until: float
    """The time up to which it repeats itself for sure."""


class LogicInput:
    """A logic input. It is low up to 0.8 V and high from 2 V on, and stays as it is between them.

    It is asked for ascending times. It looks at the net only then, however long ago its last look
    was. It can miss a pulse that is shorter than a 64th of a cycle of the fastest wave.

    Args:
        key: The key of the wired terminal.
        observer: Reads the bench. The caller holds the lock of the bench.
        start: The time from which on edges count.
    """

    def __init__(self, key: str, observer: Observer, start: float) -> None:
        self._key, self._observer = key, observer
        self._seen = start
        self._is_high = bool(self._volts(Grid(start, 0.0, 1))[0] >= HIGH_FROM)
        self._search: Iterator[_Found] = iter(())
        self._cycle: _Cycle | None = None

    def count(self, until: float, *, rising: bool) -> int:
        """Return the number of edges of one kind since the last one that was asked for."""
        return sum(int((each.rising == rising).sum()) for each in self._blocks(until))

    def counts(self, times: Vector, *, rising: bool) -> Integers:
        """Return what `count` does for each of some ascending times, from the first count on."""
        total = np.zeros(len(times), np.int64)
        for block in self._blocks(float(times[-1])):
            kept = block.only(rising)
            passed = np.searchsorted(kept.before, times, side="right")
            following = np.minimum(passed, len(kept.after) - 1)
            # An edge that comes about at such a time: its own time decides.
            for place in np.flatnonzero(kept.after[following] < times) if len(kept.after) else ():
                edge = passed[place]
                if edge < len(kept.after):
                    at = self._refined(float(kept.after[edge]), float(kept.before[edge]), rising)
                    passed[place] += at <= times[place]
            total += passed
        return total

    def take(self, most: int, until: float) -> list[Edge]:
        """Return the next edges, up to a number of them and up to a time."""
        edges: list[Edge] = []
        for block in self._blocks(until) if most > 0 else ():
            wanted = min(most - len(edges), len(block.rising))
            for index in range(wanted):
                rising = bool(block.rising[index])
                at = self._refined(float(block.after[index]), float(block.before[index]), rising)
                edges.append(Edge(at, rising))
            if len(edges) == most:
                self._give_back(block.part(wanted))
                break
        return edges

    def _give_back(self, rest: _Found) -> None:
        following = self._search

        def again() -> Iterator[_Found]:
            yield rest
            yield from following

        self._search = again()

    def _blocks(self, until: float) -> Iterator[_Found]:
        """Yield the edges up to a time: those that an earlier call left, and new ones."""
        while (block := next(self._search, None)) is not None:
            yield block
        if until > self._seen:
            begin, self._seen = self._seen, until
            self._search = self._look(begin, until)
            while (block := next(self._search, None)) is not None:
                yield block

    # Looking at the net.

    def _volts(self, grid: Grid) -> Vector:
        return self._observer.samples(self._key, grid).voltages

    def _look(self, begin: float, end: float) -> Iterator[_Found]:
        for course, since, until in self._observer.pieces(self._key, begin, end):
            yield from self._look_at(course, since, until)

    def _look_at(self, course: Course | None, begin: float, end: float) -> Iterator[_Found]:
        """Yield the edges in a time without changes of the bench."""
        waves = course.circuit.waves if course else ()
        spacing = min((w.resolution for w in waves), default=math.inf)
        spacing = min(spacing, (end - begin) / _STILL)
        period = course.period if course and waves else math.inf
        longest = min(_POINTS * spacing, _LOOKED_AT * period)
        if self._cycle and self._cycle.course is not course:
            self._cycle = None
        at = begin
        while at < end:
            if self._cycle and at < self._cycle.until:
                until = min(end, self._cycle.until)
                yield from self._repeated(self._cycle, at, until)
            else:
                until = min(at + longest, end)
                yield self._changes(Grid.over(at, until, math.ceil((until - at) / spacing) + 1))
                self._cycle = self._learn(course, until, spacing) if course else None
            at = until

    def _changes(self, grid: Grid) -> _Found:
        """Return where the level changes from one point to the next; the first may be one, too."""
        volts = self._volts(grid)
        seen = np.concatenate(([self._is_high], np.full(len(volts), -1, np.int8)))
        seen[1:][volts >= HIGH_FROM] = 1
        seen[1:][volts <= LOW_TO] = 0
        last = np.maximum.accumulate(np.where(seen >= 0, np.arange(len(seen)), 0))
        levels = seen[last]
        self._is_high = bool(levels[-1])
        where = np.flatnonzero(np.diff(levels))
        times = grid.times
        return _Found(times[np.maximum(where - 1, 0)], times[where], levels[where + 1] == 1)

    def _refined(self, after: float, before: float, rising: bool) -> float:
        """Return the time of an edge between two times."""
        while before - after > _RESOLUTION:
            grid = Grid.over(after, before, _FINER)
            volts = self._volts(grid)
            fired = volts >= HIGH_FROM if rising else volts <= LOW_TO
            index = int(np.argmax(fired)) if fired.any() else _FINER - 1
            narrower = (grid.at(max(index - 1, 0)), grid.at(index))
            if narrower == (after, before):
                break
            after, before = narrower
        return before

    # Signals that repeat themselves: their edges are those of one cycle, again and again.

    def _learn(self, course: Course, at: float, spacing: float) -> _Cycle | None:
        """Return the cycle before a time, if the signal repeats it."""
        period, known = course.period, at - course.circuit.now
        if not course.circuit.waves or not known > _LEARNT * period:
            return None
        # Where a kink falls onto one of the points, rounding would decide on the volts there.
        points = min(math.ceil(period / spacing), _POINTS)
        grid = Grid(at - period + _OFF_KINKS * period / points, period / points, points)
        shift = math.floor(known / (2.0 * period)) * period
        last, earlier = self._volts(grid), self._volts(replace(grid, begin=grid.begin - shift))
        if abs(last - earlier).max() > _SAME * (1.0 + abs(last).max()):
            return None
        found = self._changes(Grid.over(at - period, at, points + 1))
        edges = zip(found.after, found.before, found.rising, strict=True)
        times = np.array([self._refined(float(a), float(b), bool(r)) for a, b, r in edges])
        return _Cycle(course, at, times, found.rising, at + _AHEAD * known)

    def _repeated(self, cycle: _Cycle, begin: float, end: float) -> Iterator[_Found]:
        """Yield the edges in a time that repeats a cycle."""
        period = cycle.course.period
        first = math.ceil((begin - cycle.end) / period)
        last = math.ceil((end - cycle.end) / period)
        for number in range(first, last + 1, _BLOCK) if len(cycle.times) else ():
            numbers = np.arange(number, min(number + _BLOCK, last + 1))
            times = (cycle.times + numbers[:, None] * period).ravel()
            rising = np.tile(cycle.rising, len(numbers))
            chosen = (times > begin) & (times <= end)
            if chosen.any():
                self._is_high = bool(rising[chosen][-1])
                yield _Found(times[chosen], times[chosen], rising[chosen])
