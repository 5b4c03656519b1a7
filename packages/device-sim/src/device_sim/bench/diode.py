"""Shockley's diode, with the derivatives that Newton's method needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from device_sim.bench.equations import Vector
from device_sim.bench.parts import Part

_LEAK = 1e-15  # Siemens across every junction, so that a reverse-biased net has a voltage.
_LARGEST_EXPONENT = 500.0


def diode_current(part: Part, voltage: Any, now: float) -> tuple[Any, Any]:
    """Return the current and the differential conductance of a diode at a voltage, or at many."""
    saturation, thermal = part.main_value(now), part.thermal_voltage
    growth = np.exp(np.minimum(voltage / thermal, _LARGEST_EXPONENT))
    current = saturation * (growth - 1.0) + _LEAK * voltage
    return current, saturation * growth / thermal + _LEAK


def diode_currents(parts: Sequence[Part], voltages: Vector, now: float) -> tuple[Vector, Vector]:
    """Return the currents and conductances of diodes, a row for each."""
    if not parts:
        return voltages, voltages
    pairs = [diode_current(p, v, now) for p, v in zip(parts, voltages, strict=True)]
    return np.array([current for current, _ in pairs]), np.array([slope for _, slope in pairs])


def limit_steps(parts: Sequence[Part], old: Vector, new: Vector) -> Vector:
    """Keep Newton's method from overflowing the exponential; a row for each diode.

    Above the knee the step follows the logarithm, as in SPICE (Nagel 1975, `pnjlim`).
    """
    if abs(new - old).max(initial=0.0) <= 2.0 * min(part.thermal_voltage for part in parts):
        return new
    rows = [_limited(p, o, n) for p, o, n in zip(parts, old, new, strict=True)]
    return np.array(rows).reshape(new.shape)


def _limited(part: Part, old: Vector, new: Vector) -> Vector:
    thermal = part.thermal_voltage
    knee = thermal * math.log(thermal / (math.sqrt(2.0) * part.values["saturation_current"]))
    growth = 1.0 + (new - old) / thermal
    logarithmic = old + thermal * np.log(np.where(growth > 0.0, growth, 1.0))
    slowed = np.where((old > 0.0) & (growth > 0.0), logarithmic, knee)
    return np.asarray(np.where((new <= knee) | (abs(new - old) <= 2.0 * thermal), new, slowed))
