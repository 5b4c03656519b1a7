"""Find the moment at which a signal comes into a region of volts: a trigger, a coil, an edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from device_sim.bench.grid import Grid

_POINTS = 32_768  # Largest number of points of one search.
_FINER = 64  # Points in which a search looks at the time between two points again.
_RESOLUTION = 1e-6  # Part of the time between points up to which the moment is known.

_FINEST = 1e-9  # Seconds up to which it is always known.

Flags = npt.NDArray[np.bool_]
Volts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """The signal must be in one region, and then come into another."""

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
    """The search for one such moment, through ascending stretches of time.

    It looks at up to 32,768 points of a stretch, and at both sides of each change of the bench, so
    it can miss a pulse only if that is shorter than the time between two points.
    """

    volts: Callable[[Grid], Volts]
    """Return the signal at some times."""

    changes: Callable[[float, float], list[float]]
    """Return the times between two times at which the circuit of the signal changed."""

    condition: Condition
    """What to look for."""

    spacing: float
    """Seconds between two points: the finest time at which the search looks first."""

    armed: bool = False
    """True if the signal has been in the first region."""

    def find(self, begin: float, end: float) -> float | None:
        """Return the moment from `begin` to `end`, None if it does not come."""
        for since, until in pairwise([begin, *self.changes(begin, end), end]):
            count = min(_POINTS, max(2, math.ceil((until - since) / self.spacing) + 1))
            grid = Grid.over(since, until, count)
            index = self._first(grid)
            if index is not None:
                return self._refine(grid.at(max(index - 1, 0)), grid.at(index))
        return None

    def _first(self, grid: Grid) -> int | None:
        volts = self.volts(grid)
        armed = self.condition.arms(volts)
        armed[0] |= self.armed
        ready = np.logical_or.accumulate(armed)
        # A point that arms does not fire as well; the next one may.
        fired = self.condition.fires(volts) & np.concatenate(([self.armed], ready[:-1]))
        self.armed = bool(ready[-1])
        return int(np.argmax(fired)) if fired.any() else None

    def _refine(self, begin: float, end: float) -> float:
        """Return when the second region begins between two times."""
        while end - begin > min(self.spacing * _RESOLUTION, _FINEST):
            grid = Grid.over(begin, end, _FINER)
            fired = self.condition.fires(self.volts(grid))
            index = int(np.argmax(fired)) if fired.any() else _FINER - 1
            narrower = (grid.at(max(index - 1, 0)), grid.at(index))
            if narrower == (begin, end):
                break
            begin, end = narrower
        return end
