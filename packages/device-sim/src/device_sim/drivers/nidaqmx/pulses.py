"""Pulse trains in closed form: the timebases of a device, and the outputs of its counters."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from device_sim.bench import Edge

_CLOSE = 1e-9  # Of a period: times are rounded, and an edge must not fall out of its time.
_KEPT = 4096  # Trains of the past.


@dataclass(slots=True)
class Train:
    """Equal pulses."""

    begin: float
    """The time of the first pulse, in seconds."""

    period: float
    """Seconds from one pulse to the next."""

    width: float
    """Seconds of a pulse."""

    is_high: bool = True
    """True if the signal is high in a pulse."""

    end: float = math.inf
    """The time at which it ended. A pulse then ends, too."""

    def count(self, after: float, until: float, *, rising: bool) -> int:
        """Return how many edges of one kind came after a time, up to a later one."""
        shift = self._shift(rising)
        last = self._before_end(shift) if until >= self.end else self._number(until, shift)
        found = max(0, last - self._number(after, shift))
        is_cut = rising is not self.is_high and after < self.end <= until and self._is_cut()
        return found + is_cut

    def edges(self, after: float, until: float) -> Iterator[Edge]:
        """Yield the edges after a time, up to a later one."""
        is_last = after < self.end <= until and self._is_cut()
        while True:
            at, rising = min((self._next(after, rising), rising) for rising in (True, False))
            if at > until or at >= self.end - _CLOSE * self.period:
                break
            yield Edge(at, rising)
            after = at
        if is_last:
            yield Edge(self.end, not self.is_high)

    def _shift(self, rising: bool) -> float:
        return 0.0 if rising is self.is_high else self.width

    def _number(self, time: float, shift: float) -> int:
        """Return how many edges with a place in the period came up to a time."""
        turns = (time - self.begin - shift) / self.period
        return max(0, math.floor(turns + _CLOSE) + 1) if turns > 0.0 - _CLOSE else 0

    def _before_end(self, shift: float) -> int:
        """Return how many such edges came before the end."""
        turns = (self.end - self.begin - shift) / self.period
        return max(0, math.ceil(turns - _CLOSE))

    def _next(self, after: float, rising: bool) -> float:
        shift = self._shift(rising)
        return self.begin + shift + self._number(after, shift) * self.period

    def _is_cut(self) -> bool:
        """Return whether its end cuts a pulse."""
        return self._before_end(0.0) > self._before_end(self.width)


class Pulses:
    """A signal: trains, one after the other."""

    def __init__(self) -> None:
        self.trains: deque[Train] = deque(maxlen=_KEPT)

    def begin(self, train: Train) -> None:
        """Begin a train, and end the one before."""
        self.end(train.begin)
        self.trains.append(train)

    def end(self, at: float) -> None:
        """End the present train."""
        if self.trains:
            self.trains[-1].end = min(self.trains[-1].end, at)


class PulseInput:
    """A logic input at such a signal, with the methods of `bench.LogicInput`.

    Args:
        pulses: The signal.
        start: The time from which on edges count.
    """

    def __init__(self, pulses: Pulses, start: float) -> None:
        self._pulses = pulses
        self._seen = start
        self._same: list[Edge] = []
        """Edges at the very time of the last one that was taken."""

    def count(self, until: float, *, rising: bool) -> int:
        """Return the number of edges of one kind since the last one that was asked for."""
        after, self._seen = self._seen, max(until, self._seen)
        same = sum(edge.rising is rising for edge in self._same)
        self._same = []
        return same + sum(t.count(after, until, rising=rising) for t in self._pulses.trains)

    def counts(self, times: npt.NDArray[np.float64], *, rising: bool) -> npt.NDArray[np.int64]:
        """Return what `count` does for each of some ascending times, from the first count on."""
        return np.cumsum([self.count(float(time), rising=rising) for time in times])

    def take(self, most: int, until: float) -> list[Edge]:
        """Return the next edges, up to a number of them and up to a time."""
        after = self._seen
        new = (edge for train in self._pulses.trains for edge in train.edges(after, until))
        edges = list(islice(chain(self._same, new), most + 1))
        if len(edges) <= most:
            self._seen, self._same = max(until, after), []
            return edges
        self._seen = edges[most - 1].at
        self._same = [edge for edge in edges[most:] if edge.at == self._seen]
        return edges[:most]
