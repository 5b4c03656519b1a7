"""The logic level at a channel or between two nets, followed through time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from device_sim.bench.course import Course
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid
from device_sim.bench.observer import Observer, Place

_POINTS = 32_768  # The most points of one look, unless the signal has more kinks than that,
_KINKS = 65_536  # but no more than these.
_COARSE = 256  # Points of a time in which nothing is known to be faster.
_BETWEEN = 8  # Parts of the time between two kinks.
_FINER = 64  # Points in which a level change is looked for between two points.
_RESOLUTION = 1e-6  # Part of the time between two points up to which a change is known.
_FINEST = 1e-9  # Seconds up to which it is always known.


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a level."""

    at: float
    """The time."""

    is_high: bool
    """The level from then on."""


class LogicLevel:
    """The level of the voltage at a place.

    It becomes high when the voltage rises to a threshold, and low when it falls to a lower one.

    Args:
        observer: Reads the bench.
        place: The place.
        low_to: Volts up to which it becomes low.
        high_from: Volts from which it becomes high; above `low_to`.
        is_high: The level at the begin; None if it is not known.
    """

    def __init__(
        self,
        observer: Observer,
        place: Place,
        low_to: float,
        high_from: float,
        *,
        is_high: bool | None = None,
    ) -> None:
        self.is_high = is_high
        self._observer, self._place = observer, place
        self._low_to, self._high_from = low_to, high_from
        self._changes: list[Change] = []
        self._span = (math.inf, -math.inf)
        self._seen_in: object = None

    def next_change(self, begin: float, end: float) -> Change | None:
        """Return the first change of a time, None if there is none.

        The next call must not begin before the last change that was taken.
        """
        seen_in = self._observer.state_of_courses(self._place, begin, end)
        if not (self._seen_in == seen_in and self._span[0] <= begin and end <= self._span[1]):
            self._changes = list(self._find(begin, end))[::-1]
            self._span, self._seen_in = (begin, end), seen_in
        while self._changes and (
            self._changes[-1].at < begin or self._changes[-1].is_high is self.is_high
        ):
            self._changes.pop()
        return self._changes[-1] if self._changes and self._changes[-1].at <= end else None

    def take(self, at: float) -> bool:
        """Take the level of a time, up to which `next_change` looked. Return whether it changed."""
        before = self.is_high
        while self._changes and self._changes[-1].at <= at:
            self.is_high = self._changes.pop().is_high
        return self.is_high is not before

    def rises(self, begin: float, end: float) -> tuple[int, float, float]:
        """Return how often it becomes high in a time, and the first and last time that it does.

        These are infinite if it does not. The level at the begin counts as known.
        """
        count, first, last, level = 0, math.inf, -math.inf, self.is_high
        for course, since, until in self._observer.pieces(self._place, begin, end):
            for window_begin, window_end in _windows(course, since, until):
                times, is_flat = points(course, window_begin, window_end)
                places, levels = self._changes_in(self._observer.volts(self._place, times), level)
                rising = places[levels] if level is not None else places[1:][levels[1:]]
                count += len(rising)
                for place in rising[[0, -1]] if len(rising) else ():
                    at = float(times[place])
                    if not is_flat and place:
                        at = self._refined(float(times[place - 1]), at, True)
                    first, last = min(first, at), max(last, at)
                level = bool(levels[-1]) if len(levels) else level
        return count, first, last

    def _find(self, begin: float, end: float) -> Iterator[Change]:
        level, last = self.is_high, begin
        for course, since, until in self._observer.pieces(self._place, begin, end):
            times, is_flat = points(course, since, until)
            volts = self._observer.volts(self._place, times)
            places, levels = self._changes_in(volts, level)
            for place, is_high in zip(places, levels, strict=True):
                level, at = bool(is_high), float(times[place])
                if not is_flat and place:
                    at = self._refined(float(times[place - 1]), at, level)
                last = max(at, last)
                yield Change(last, level)

    def _changes_in(self, volts: Vector, level: bool | None) -> tuple[Vector, Vector]:
        """Return the places at which the level changes, and the levels there."""
        start = 0 if level is None else 1 if level else -1
        signs = np.where(volts >= self._high_from, 1, np.where(volts <= self._low_to, -1, 0))
        places = np.flatnonzero(signs)
        levels = signs[places]
        differs = np.diff(levels, prepend=start) != 0
        return places[differs], levels[differs] > 0

    def _refined(self, begin: float, end: float, is_high: bool) -> float:
        """Return when the level comes between two times."""
        spacing = end - begin
        while end - begin > min(spacing * _RESOLUTION, _FINEST):
            grid = Grid.over(begin, end, _FINER)
            volts = self._observer.volts(self._place, grid)
            there = volts >= self._high_from if is_high else volts <= self._low_to
            index = int(np.argmax(there)) if there.any() else _FINER - 1
            narrower = (grid.at(max(index - 1, 0)), grid.at(index))
            if narrower == (begin, end):
                break
            begin, end = narrower
        return end


def _windows(course: Course | None, begin: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield parts of a time, each with no more points than are looked at together."""
    waves = course.circuit.waves if course else ()
    needed = sum(wave.count(begin, end) for wave in waves)
    needed += sum((end - begin) / wave.resolution for wave in waves if not wave.is_stepped)
    edges = np.linspace(begin, end, 2 + int(needed * _BETWEEN / _POINTS))
    yield from pairwise(edges.tolist())


def points(course: Course | None, begin: float, end: float) -> tuple[Vector, bool]:
    """Return times at which a circuit is to be looked at, from one time to another.

    Also return whether nothing changes between them.
    """
    if course is None:
        return np.array([begin]), True
    circuit = course.circuit
    has_many = sum(wave.count(begin, end) for wave in circuit.waves) > _KINKS
    kinks = [] if has_many else [wave.kinks(begin, end).times for wave in circuit.waves]
    times = np.unique(np.concatenate([[begin], *kinks]))
    if not (has_many or circuit.states) and all(wave.is_stepped for wave in circuit.waves):
        return times, True
    smooth = [w.resolution for w in circuit.waves if has_many or not w.is_stepped]
    spacing = min(smooth, default=math.inf)
    count = min(_POINTS, max(_COARSE, math.ceil(min((end - begin) / spacing, _POINTS))))
    times = np.unique(np.concatenate([times, np.linspace(begin, end, count), [end]]))
    if len(times) * _BETWEEN <= _POINTS and circuit.states and not has_many:
        parts = np.arange(_BETWEEN) / _BETWEEN
        between = times[:-1, None] + np.diff(times)[:, None] * parts
        times = np.append(between.ravel(), end)
    return np.unique(np.clip(times, begin, end)), False
