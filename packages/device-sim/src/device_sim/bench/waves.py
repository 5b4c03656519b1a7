"""Voltages of sources over time, in closed form.

A wave is a sine, or it is made of straight lines. The lines change at kinks, whose exact times a
wave tells, so that nothing depends on how densely somebody looks.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from device_sim.bench.equations import Vector

MOST_KINKS = 2**20
"""The most kinks that are computed together. If there are more, holds are joined to their mean."""

_SLACK = 1e-9  # Of a cycle or a hold: times are rounded, and must not fall before a kink.
_ROUNDING = 4e-16  # Of a time.
_CLOSE = 1e-15  # Seconds: a time so close before a step counts as its time.
_PARTS = 64.0  # Of a cycle, in which a wave does not change by much.

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kinks:
    """The times at which a wave jumps or changes its slope, ascending."""

    times: Vector
    """Seconds on the bench's clock."""

    jumps: Vector
    """Volts after the kink minus volts before."""

    bends: Vector
    """Change of the slope, in volts per second."""

    are_joined: bool = False
    """True if several steps stand in one, because there are too many."""


class Wave(ABC):
    """A voltage over time on top of a constant one."""

    @property
    def period(self) -> float:
        """Return the seconds after which it repeats; infinity if it does not."""
        return math.inf

    @property
    def resolution(self) -> float:
        """Return the seconds in which it does not change by much; infinity if it is constant."""
        return self.period / _PARTS

    @property
    def is_stepped(self) -> bool:
        """Return whether it is constant between its kinks."""
        return False

    @property
    def version(self) -> int:
        """Return a number that changes when somebody writes into it."""
        return 0

    @abstractmethod
    def values(self, times: Vector) -> Vector:
        """Return the volts at some times, just after a kink."""

    def count(self, begin: float, end: float) -> float:
        """Return about how many kinks it has between two times."""
        return 0.0

    def slope(self, time: float) -> float:
        """Return the slope just after a time, in volts per second; that of lines."""
        return 0.0

    def kinks(self, begin: float, end: float) -> Kinks:
        """Return the kinks after `begin`, up to and including `end`."""
        return Kinks(np.empty(0), np.empty(0), np.empty(0))

    def next_kink(self, time: float) -> float:
        """Return the time of the next kink after a time; infinity if there is none."""
        return math.inf


@dataclass(frozen=True, slots=True)
class Sine(Wave):
    """A sine: `√2 · amplitude · cos(2π · frequency · t + phase)`."""

    frequency: float
    """In hertz."""

    amplitude: float
    """RMS, in volts."""

    phase: float
    """In degrees, at the clock's time 0."""

    @property
    def period(self) -> float:
        """Return the seconds of a cycle."""
        return 1.0 / self.frequency

    def phasor(self, time: float) -> complex:
        """Return the peak voltage with the phase of a time."""
        turns = (self.frequency * time + self.phase / 360.0) % 1.0
        angle = 2.0 * math.pi * turns
        return math.sqrt(2.0) * self.amplitude * complex(math.cos(angle), math.sin(angle))

    def values(self, times: Vector) -> Vector:
        """Return the volts at some times."""
        turns = (self.frequency * times + self.phase / 360.0) % 1.0
        return np.asarray(math.sqrt(2.0) * self.amplitude * np.cos(2.0 * math.pi * turns))


@dataclass(frozen=True, slots=True)
class Corner:
    """A place in a cycle at which a line begins."""

    turn: float
    """The place, from 0 to below 1."""

    volts: float
    """The voltage just after it."""

    slope: float = 0.0
    """Volts per cycle of the line."""


@dataclass(frozen=True)
class Cycle(Wave):
    """Lines that repeat: a square, a triangle, a ramp, a pulse."""

    corners: tuple[Corner, ...]
    """The corners, ascending. The first one is at 0."""

    frequency: float
    """Cycles per second."""

    begin: float = 0.0
    """A time at which a cycle begins."""

    @property
    def period(self) -> float:
        """Return the seconds of a cycle."""
        return 1.0 / self.frequency

    @property
    def is_stepped(self) -> bool:
        """Return whether it is constant between its corners."""
        return not self._slopes.any()

    def count(self, begin: float, end: float) -> float:
        """Return about how many corners it has between two times."""
        return (end - begin) * self.frequency * len(self.corners)

    @cached_property
    def _turns(self) -> Vector:
        return np.array([corner.turn for corner in self.corners])

    @cached_property
    def _volts(self) -> Vector:
        return np.array([corner.volts for corner in self.corners])

    @cached_property
    def _slopes(self) -> Vector:
        return np.array([corner.slope for corner in self.corners])

    def _place(self, times: Vector) -> tuple[Integers, Vector]:
        """Return the number of the last corner before each time, and the turns since then."""
        turns = (times - self.begin) * self.frequency
        slack = _SLACK + _ROUNDING * abs(times) * self.frequency
        whole = np.floor(turns + slack)
        corner = np.searchsorted(self._turns, turns - whole + slack, side="right") - 1
        since = np.maximum(turns - whole - self._turns[corner], 0.0)
        return whole.astype(np.int64) * len(self.corners) + corner, since

    def values(self, times: Vector) -> Vector:
        """Return the volts at some times, just after a kink."""
        number, since = self._place(times)
        corner = number % len(self.corners)
        return self._volts[corner] + self._slopes[corner] * since

    def slope(self, time: float) -> float:
        """Return the slope just after a time, in volts per second."""
        number, _ = self._place(np.array([time]))
        return float(self._slopes[number[0] % len(self.corners)]) * self.frequency

    def next_kink(self, time: float) -> float:
        """Return the time of the next corner after a time."""
        (last,), _ = self._place(np.array([time]))
        whole, corner = divmod(int(last) + 1, len(self.corners))
        return self.begin + (whole + self.corners[corner].turn) / self.frequency

    def kinks(self, begin: float, end: float) -> Kinks:
        """Return the corners after `begin`, up to and including `end`."""
        (first, last), _ = self._place(np.array([begin, end]))
        count = len(self.corners)
        numbers = np.arange(max(first, last - MOST_KINKS) + 1, last + 1)
        whole, corner = numbers // count, numbers % count
        times = self.begin + (whole + self._turns[corner]) / self.frequency
        lengths = np.diff(self._turns, append=1.0)
        ends = self._volts + self._slopes * lengths
        jumps = self._volts - np.roll(ends, 1)
        bends = (self._slopes - np.roll(self._slopes, 1)) * self.frequency
        return Kinks(times, jumps[corner], bends[corner])


@dataclass(frozen=True)
class Held(Wave):
    """Values at a rate, each held until the next one: a table, a script, noise."""

    samples: Callable[[Integers], Vector]
    """Return the volts with some numbers."""

    rate: float
    """Values per second."""

    begin: float = 0.0
    """The time of the value with the number 0. The value before is the same."""

    length: int = 0
    """The number of values that repeat; 0 if they do not."""

    _sums: list[Vector] = field(default_factory=list, init=False, compare=False, repr=False)

    @property
    def period(self) -> float:
        """Return the seconds of the values that repeat; infinity if they do not."""
        return self.length / self.rate if self.length else math.inf

    @property
    def resolution(self) -> float:
        """Return half the seconds of a value."""
        return 0.5 / self.rate

    @property
    def is_stepped(self) -> bool:
        """Return that it is constant between its steps."""
        return True

    def count(self, begin: float, end: float) -> float:
        """Return about how many steps it has between two times."""
        return (end - begin) * self.rate

    def _index(self, times: Vector) -> Integers:
        place = (times - self.begin) * self.rate
        slack = _SLACK + _ROUNDING * abs(times) * self.rate
        return np.maximum(np.floor(place + slack), 0.0).astype(np.int64)

    def _volts(self, numbers: Integers) -> Vector:
        return self.samples(numbers % self.length if self.length else numbers)

    def values(self, times: Vector) -> Vector:
        """Return the volts at some times, just after a step."""
        return self._volts(self._index(times))

    def next_kink(self, time: float) -> float:
        """Return the time of the next step after a time."""
        return self.begin + (int(self._index(np.array([time]))[0]) + 1) / self.rate

    def kinks(self, begin: float, end: float) -> Kinks:
        """Return the steps after `begin`, up to and including `end`.

        If they are too many, several holds together have one step, to their mean.
        """
        first, last = (int(index) for index in self._index(np.array([begin, end])))
        stride = -(-(last - first) // MOST_KINKS)
        if stride > 1:
            edges = np.append(np.arange(first + 1, last, stride), last)
            numbers, volts = edges, np.append(self._means(edges), self._volts(edges[-1:]))
        else:
            numbers = np.arange(first + 1, last + 1)
            volts = self._volts(numbers)
        jumps = np.diff(volts, prepend=self._volts(np.array([first])))
        times = self.begin + numbers / self.rate
        return Kinks(times, jumps, np.zeros(len(numbers)), are_joined=stride > 1)

    def _means(self, edges: Integers) -> Vector:
        """Return the means of the values between edges."""
        lengths = np.diff(edges)
        if not self.length:  # Noise: the mean of many values has a smaller deviation.
            return self._volts(edges[:-1]) / np.sqrt(lengths)
        if not self._sums:
            period = self._volts(np.arange(self.length))
            self._sums.append(np.concatenate(([0.0], np.cumsum(period))))
        (sums,) = self._sums
        whole, rest = edges // self.length, edges % self.length
        return np.asarray(np.diff(whole * sums[-1] + sums[rest]) / lengths)


class Track(Wave):
    """Steps at any times, which their owner writes as time goes on.

    Nobody may have read times after a step when it is written.

    Args:
        times: The times of its first steps, ascending.
        volts: The volts from each of them on.
        before: The volts before the first step.
    """

    def __init__(
        self, times: Sequence[float] = (), volts: Sequence[float] = (), before: float = 0.0
    ) -> None:
        self._times = np.array([-math.inf, *times], np.float64)
        self._volts = np.array([before, *volts], np.float64)
        self._length = len(self._times)
        gaps = np.diff(self._times[1:])
        self._shortest = float(gaps[gaps > 0.0].min(initial=math.inf))

    def write(self, at: float, volts: float) -> None:
        """Add a step at a time, which is not before the last one."""
        if self._length == len(self._times):
            self._times = np.concatenate((self._times, np.empty(self._length + 64)))
            self._volts = np.concatenate((self._volts, np.empty(self._length + 64)))
        gap = at - float(self._times[self._length - 1])
        self._shortest = min(self._shortest, gap) if gap > 0.0 else self._shortest
        self._times[self._length], self._volts[self._length] = at, volts
        self._length += 1

    @property
    def last(self) -> float:
        """Return the volts after its last step."""
        return float(self._volts[self._length - 1])

    @property
    def version(self) -> int:
        """Return the number of its steps."""
        return self._length

    @property
    def is_stepped(self) -> bool:
        """Return that it is constant between its steps."""
        return True

    @property
    def resolution(self) -> float:
        """Return half the time between its closest steps."""
        return self._shortest / 2.0

    def count(self, begin: float, end: float) -> float:
        """Return how many steps it has between two times."""
        return float(np.diff(self._index(np.array([begin, end])))[0])

    def _index(self, times: Vector) -> Integers:
        slack = _CLOSE + _ROUNDING * abs(times)
        known = self._times[: self._length]
        return np.asarray(np.searchsorted(known, times + slack, side="right") - 1)

    def values(self, times: Vector) -> Vector:
        """Return the volts at some times, just after a step."""
        return np.asarray(self._volts[self._index(times)])

    def kinks(self, begin: float, end: float) -> Kinks:
        """Return the steps after `begin`, up to and including `end`."""
        first, last = self._index(np.array([begin, end]))
        times = self._times[first + 1 : last + 1].copy()
        jumps = np.diff(self._volts[first : last + 1])
        return Kinks(times, jumps, np.zeros(len(times)))

    def next_kink(self, time: float) -> float:
        """Return the time of the next step after a time; infinity if none is written yet."""
        following = int(self._index(np.array([time]))[0]) + 1
        return float(self._times[following]) if following < self._length else math.inf


def square(
    low: float, high: float, frequency: float, *, duty: float = 0.5, begin: float = 0.0
) -> Wave:
    """Return a square that is high from the begin of each cycle on.

    Args:
        low: The lower voltage.
        high: The upper voltage.
        frequency: Cycles per second.
        duty: The part of a cycle in which it is high, above 0 and below 1.
        begin: A time at which a cycle begins.
    """
    return Cycle((Corner(0.0, high), Corner(duty, low)), frequency, begin)


def triangle(low: float, high: float, frequency: float, *, begin: float = 0.0) -> Wave:
    """Return a triangle that begins each cycle in the middle and rises; see `square`."""
    middle, rise = (low + high) / 2.0, 2.0 * (high - low)
    corners = (
        Corner(0.0, middle, rise),
        Corner(0.25, high, -rise),
        Corner(0.75, low, rise),
    )
    return Cycle(corners, frequency, begin)


def ramp(first: float, last: float, frequency: float, *, begin: float = 0.0) -> Wave:
    """Return a ramp from one voltage to another that jumps back at the end of each cycle."""
    return Cycle((Corner(0.0, first, last - first),), frequency, begin)


def noise(amplitude: float, rate: float, seed: int, *, begin: float = 0.0) -> Wave:
    """Return white noise, evenly distributed; equal times have equal values.

    Args:
        amplitude: The largest voltage.
        rate: Values per second.
        seed: Two sources with different seeds differ.
        begin: The time of the first value.
    """
    return Held(lambda numbers: amplitude * _random(numbers, seed), rate, begin)


def _random(numbers: Integers, seed: int) -> Vector:
    """Return a random number from -1 to 1 for each number (the finaliser of SplitMix64)."""
    mixed = (numbers.astype(np.uint64) + np.uint64(seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0)
