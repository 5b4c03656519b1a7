"""The levels of a waveform: high and low state, and the references of edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from niscope.enums import PercentageMethod, RefLevelUnits

Volts = npt.NDArray[np.float64]
Settings = Callable[[str], Any]
"""Return the value of an attribute of the channel."""

_BINS = 256  # Bins of the histogram between minimum and maximum.
_PRONOUNCED = 0.1  # A state has at least this fraction of the samples in its bin.


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of one waveform, in volts."""

    low: float
    """The low state."""

    high: float
    """The high state."""

    low_ref: float
    """The lower reference of edges."""

    mid_ref: float
    """The middle reference of edges."""

    high_ref: float
    """The upper reference of edges."""

    hysteresis: float
    """An edge must leave the middle reference by this much on both sides."""


def find_levels(volts: Volts, get: Settings) -> Levels:
    """Return the levels of a waveform with at least one sample."""
    low, high = states(volts)
    least, most = low, high
    if get("meas_percentage_method") == PercentageMethod.MINMAX.value:
        least, most = float(volts.min()), float(volts.max())
    names = [f"meas_chan_{name}_ref_level" for name in ("low", "mid", "high")]
    first, middle, last = (float(get(name)) for name in names)
    span = (most - least) / 100.0
    if get("meas_ref_level_units") == RefLevelUnits.PERCENTAGE.value:
        first, middle, last = (least + span * percent for percent in (first, middle, last))
    hysteresis = span * float(get("meas_hysteresis_percent"))
    return Levels(low, high, first, middle, last, hysteresis)


def states(volts: Volts) -> tuple[float, float]:
    """Return the low and the high state: the most frequent levels of both halves.

    If no level of a half is frequent, as in a sine, it is the minimum or maximum.
    """
    least, most = float(volts.min()), float(volts.max())
    if not np.isfinite(most - least) or most == least:
        return least, most
    counts, edges = np.histogram(volts, _BINS, (least, most))
    half = _BINS // 2
    lower, upper = int(np.argmax(counts[:half])), half + int(np.argmax(counts[half:]))
    return (
        _state(volts, edges, lower) if counts[lower] >= _PRONOUNCED * len(volts) else least,
        _state(volts, edges, upper) if counts[upper] >= _PRONOUNCED * len(volts) else most,
    )


def _state(volts: Volts, edges: Volts, place: int) -> float:
    """Return the mean of the samples in a bin."""
    inside = volts[(volts >= edges[place]) & (volts <= edges[place + 1])]
    return float(inside.mean())
