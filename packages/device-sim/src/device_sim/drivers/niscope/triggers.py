"""Find the analog trigger in the signal of a channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from device_sim.bench import Bench

_POINTS = 16_384  # Largest number of points of one search.
_FINER = 64  # Points in which a search looks at the time between two points again.
_RESOLUTION = 1e-6  # Part of the time between samples up to which a trigger's time is known.

Flags = npt.NDArray[np.bool_]
Volts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """An analog trigger: the signal must be in one region, and then come into another."""

    arms: Callable[[Volts], Flags]
    """Return where the signal is in the first region."""

    fires: Callable[[Volts], Flags]
    """Return where the signal is in the second region."""


def edge(level: float, hysteresis: float, *, rising: bool) -> Condition:
    """Return the condition of an edge through a level.

    Args:
        level: In volts.
        hysteresis: The signal must come from beyond the level by at least this many volts.
        rising: True for a positive slope.
    """
    if rising:
        return Condition(lambda v: v < level - hysteresis, lambda v: v >= level)
    return Condition(lambda v: v > level + hysteresis, lambda v: v <= level)


def window(low: float, high: float, *, entering: bool) -> Condition:
    """Return the condition of a signal that enters or leaves a window of volts."""

    def inside(volts: Volts) -> Flags:
        return (volts >= low) & (volts <= high)

    def outside(volts: Volts) -> Flags:
        return ~inside(volts)

    return Condition(outside, inside) if entering else Condition(inside, outside)


@dataclass(slots=True)
class Search:
    """The search for one trigger, through ascending stretches of time.

    It looks at up to 16,384 points of a stretch, and at both sides of each change of the bench, so
    it can miss a pulse only if that is shorter than the time between two points.
    """

    bench: Bench
    """The bench with the signal."""

    channel: str
    """The channel, by its qualified name."""

    condition: Condition
    """The trigger."""

    spacing: float
    """Seconds between two samples: the finest time at which the search looks first."""

    _armed: bool = field(default=False, init=False)

    def find(self, begin: float, end: float) -> float | None:
        """Return the time of the trigger from `begin` to `end`, None if it does not come."""
        count = min(_POINTS, max(2, math.ceil((end - begin) / self.spacing) + 1))
        times = np.linspace(begin, end, count)
        changes = self.bench.changes(begin, end)
        if changes:
            before = np.nextafter(changes, -math.inf)
            times = np.unique(np.concatenate((times, before, changes)))
        index = self._first(times)
        if index is None:
            return None
        return self._refine(times[max(index - 1, 0)], times[index])

    def _first(self, times: Volts) -> int | None:
        volts = self.bench.waveform(self.channel, times)
        armed = self.condition.arms(volts)
        armed[0] |= self._armed
        ready = np.logical_or.accumulate(armed)
        # A point that arms does not fire as well; the next one may.
        fired = self.condition.fires(volts) & np.concatenate(([self._armed], ready[:-1]))
        self._armed = bool(ready[-1])
        return int(np.argmax(fired)) if fired.any() else None

    def _refine(self, begin: float, end: float) -> float:
        """Return when the second region begins between two times."""
        while end - begin > self.spacing * _RESOLUTION:
            times = np.linspace(begin, end, _FINER)
            fired = self.condition.fires(self.bench.waveform(self.channel, times))
            index = int(np.argmax(fired)) if fired.any() else _FINER - 1
            narrower = (float(times[max(index - 1, 0)]), float(times[index]))
            if narrower == (begin, end):
                break
            begin, end = narrower
        return end
