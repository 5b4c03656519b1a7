"""The filters in the paths of a digitizer, of first order."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device_sim.bench import Grid

Volts = npt.NDArray[np.float64]
Signal = Callable[[Grid], Volts]
"""Return the volts at some times."""

_PAST = 16.0  # Time constants of the past that still count.
_PAST_POINTS = 257
_FAST = 1.0 / 50.0  # A filter with a smaller part of the time between samples has no effect.


@dataclass(frozen=True, slots=True)
class LowPass:
    """A low-pass. Between samples, a signal counts as a straight line."""

    corner: float
    """The frequency at which it loses 3 dB, in hertz."""

    @property
    def _settling(self) -> float:
        return 1.0 / (2.0 * math.pi * self.corner)

    def passed(self, signal: Signal, grid: Grid) -> Volts:
        """Return the signal behind the filter."""
        tau, volts = self._settling, signal(grid)
        if grid.count > 1 and tau < _FAST * grid.spacing:
            return volts
        past = Grid.over(grid.begin - _PAST * tau, grid.begin, _PAST_POINTS)
        before = signal(past)
        (start,) = self._filtered(before, past.spacing, float(before[0]))[-1:]
        return self._filtered(volts, grid.spacing, float(start))

    def _filtered(self, volts: Volts, spacing: float, start: float) -> Volts:
        from scipy.signal import lfilter  # takes long to import

        if len(volts) == 1:
            return np.array([start])
        tau = self._settling
        factor = math.exp(-spacing / tau)
        late = 1.0 - tau / spacing * -math.expm1(-spacing / tau)
        early = -math.expm1(-spacing / tau) - late
        forced = early * volts[:-1] + late * volts[1:]
        rest, _ = lfilter([1.0], [1.0, -factor], forced, zi=np.array([factor * start]))
        return np.concatenate(([start], rest))


@dataclass(frozen=True, slots=True)
class HighPass:
    """What a low-pass takes away."""

    corner: float
    """The frequency at which it loses 3 dB, in hertz."""

    def passed(self, signal: Signal, grid: Grid) -> Volts:
        """Return the signal behind the filter."""
        return signal(grid) - LowPass(self.corner).passed(signal, grid)
