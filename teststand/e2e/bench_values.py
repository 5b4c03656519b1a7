"""Check the readings of instruments on bench.toml: a resistor on each site, one contact is open.

The true value must be in an interval around the measured value: plus and minus the limit of error
of the instrument in its range, which is

    gain x value + offset + step / 2 + 5 x (noise / square root of the aperture).

The numbers come from the models.toml of the two simulated drivers. These files say where each
number comes from, and which of them no public document of NI states. The bench chooses the gain and
offset of every channel within these limits. One reading in two million exceeds five standard
deviations of noise.

From the SMU's intervals of voltage and current, Ohm's law gives an interval for the conductance of
the site. The input resistance of the DMM loads the site while the SMU measures, so its conductance
is subtracted. The DMM's own interval must overlap the result, and both must contain the resistor of
the site.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from processes import ChainError
from readings import DMM_STEP, SMU_STEP, SiteReading

RESISTORS = {0: 1000.0, 1: 2200.0, 2: math.inf, 3: 4700.0}
"""Ohms by site; infinite at an open contact. These are the expected values, so they are not read
from the bench file."""

LEVEL = 6.0
"""Volts that the SMU sources; its current limit is 10 mA."""

_SIGMAS = 5.0
_DMM_RANGE = 10e3


@dataclass(frozen=True)
class Accuracy:
    """Limits of error of an instrument in one range."""

    gain: float
    """In proportion to the value."""

    offset: float
    """In the unit of the value."""

    noise: float
    """Standard deviation at an aperture of one second, in the unit of the value."""

    step: float
    """Smallest difference between two readings, in the unit of the value."""

    aperture: float
    """Seconds over which a measurement of the sequence averages."""

    def interval(self, value: float) -> tuple[float, float]:
        """Return the smallest and the largest true value for a measured value."""
        noise = _SIGMAS * self.noise / math.sqrt(self.aperture)
        error = self.gain * abs(value) + self.offset + self.step / 2 + noise
        return value - error, value + error


SMU_VOLTAGE = Accuracy(300e-6, 1e-3, 2e-6, 10.0 / 2**24, 0.01666)
"""PXIe-4141 in its range of 10 V."""

SMU_CURRENT = Accuracy(300e-6, 300e-9, 1e-9, 0.01 / 2**24, 0.01666)
"""PXIe-4141 in its range of 10 mA."""

DMM_OHMS = Accuracy(60e-6, 0.1, 2e-3, 0.05, 500e-6)
"""PXIe-4081 in its range of 10 kOhm at 5.5 digits; the step is its absolute resolution."""

DMM_INPUT = 10e6
"""Ohms between the terminals of a DMM with an open session, before it measures."""


def check_bench_values(readings: Sequence[SiteReading]) -> list[tuple[str, str]]:
    """Check the readings of all sites.

    Returns:
        For each site the readings of the SMU and of the DMM, as text.

    Raises:
        ChainError: A reading is wrong.
    """
    return [_check_site(reading, RESISTORS[reading.site]) for reading in readings]


def _check_site(reading: SiteReading, resistor: float) -> tuple[str, str]:
    where = f"site {reading.site}"
    _expect_inside(f"{SMU_STEP}: {where}: volts", SMU_VOLTAGE.interval(reading.voltage), LEVEL)
    if reading.limited:
        raise ChainError(f"{SMU_STEP}: {where}: in compliance")
    smu, dmm = _smu_interval(reading), _dmm_interval(reading)
    if smu[0] > dmm[1] or dmm[0] > smu[1]:
        raise ChainError(
            f"{DMM_STEP}: {where}: ohms: {_between(dmm)}, but the SMU says {_between(smu)}"
        )
    _expect_inside(f"{SMU_STEP}: {where}: ohms", smu, resistor)
    _expect_inside(f"{DMM_STEP}: {where}: ohms", dmm, resistor)
    if reading.dmm_resolution != DMM_OHMS.step:
        raise ChainError(f"{DMM_STEP}: {where}: absolute resolution {reading.dmm_resolution}")
    measured = f"{reading.voltage:.4f} V, {reading.current:.4g} A"
    if math.isinf(resistor):
        return f"{measured}: open ({_between(smu)})", f"out of range: open ({_between(dmm)})"
    conductance = reading.current / reading.voltage - 1.0 / DMM_INPUT
    return (
        f"{measured}: {1.0 / conductance:.1f} Ohm ({_between(smu)})",
        f"{reading.dmm_value:.2f} Ohm ({_between(dmm)})",
    )


def _smu_interval(reading: SiteReading) -> tuple[float, float]:
    """Return the resistance by Ohm's law, as an interval; it is infinite if it may be open."""
    least_volts, most_volts = SMU_VOLTAGE.interval(reading.voltage)
    least_amperes, most_amperes = SMU_CURRENT.interval(reading.current)
    least = least_amperes / most_volts - 1.0 / DMM_INPUT
    most = most_amperes / least_volts - 1.0 / DMM_INPUT
    if most <= 0:
        amperes = f"{reading.current:.4g} A, less than the current of the DMM alone"
        raise ChainError(f"{SMU_STEP}: site {reading.site}: {amperes}")
    return 1.0 / most, 1.0 / least if least > 0 else math.inf


def _dmm_interval(reading: SiteReading) -> tuple[float, float]:
    """Return the resistance by the DMM, as an interval; out of range means above the range."""
    if reading.dmm_out_of_range != (reading.dmm_value is None):
        said = f"{reading.dmm_value} Ohm, out of range: {reading.dmm_out_of_range}"
        raise ChainError(f"{DMM_STEP}: site {reading.site}: {said}")
    if reading.dmm_value is None:
        return _DMM_RANGE, math.inf
    return DMM_OHMS.interval(reading.dmm_value)


def _expect_inside(what: str, interval: tuple[float, float], due: float) -> None:
    if not interval[0] <= due <= interval[1]:
        raise ChainError(f"{what}: {_between(interval)}, but {due:g} was expected")


def _between(interval: tuple[float, float]) -> str:
    least, most = interval
    return f"over {least:.3g}" if math.isinf(most) else f"{least:.6g} to {most:.6g}"
