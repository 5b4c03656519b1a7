"""Shockley's diode, with the derivatives that Newton's method needs."""

from __future__ import annotations

import math

from device_sim.bench.parts import Part

_LEAK = 1e-15  # Siemens across every junction, so that a reverse-biased net has a voltage.
_LARGEST_EXPONENT = 500.0


def diode_current(part: Part, voltage: float, now: float) -> tuple[float, float]:
    """Return the current and the differential conductance of a diode at a voltage."""
    saturation, thermal = part.main_value(now), part.thermal_voltage
    growth = math.exp(min(voltage / thermal, _LARGEST_EXPONENT))
    current = saturation * (growth - 1.0) + _LEAK * voltage
    return current, saturation * growth / thermal + _LEAK


def limit_step(part: Part, old: float, new: float) -> float:
    """Keep Newton's method from overflowing the exponential.

    Above the knee the step follows the logarithm, as in SPICE (Nagel 1975, `pnjlim`).
    """
    thermal = part.thermal_voltage
    knee = thermal * math.log(thermal / (math.sqrt(2.0) * part.values["saturation_current"]))
    if new <= knee or abs(new - old) <= 2.0 * thermal:
        return new
    if old > 0 and 1.0 + (new - old) / thermal > 0:
        return old + thermal * math.log(1.0 + (new - old) / thermal)
    return knee
