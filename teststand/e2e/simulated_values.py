"""Check the readings of instruments without a bench: the values of NI's simulated devices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from processes import ChainError
from readings import DMM_STEP, SMU_STEP, SiteReading

VOLTAGE = 6.0
"""Volts. A simulated SMU measures the level that it sources."""

CURRENT = 1e-4
"""Amperes. A simulated SMU measures one hundredth of its current limit of 10 mA."""

ABSOLUTE_RESOLUTION = 5e-5
"""Volts. Absolute resolution of a simulated DMM at 10 V and 5.5 digits."""

_RANGE = 10.0


def check_simulated_values(readings: Sequence[SiteReading]) -> list[tuple[str, str]]:
    """Check the readings of all sites.

    Returns:
        For each site the readings of the SMU and of the DMM, as text.

    Raises:
        ChainError: A reading is wrong.
    """
    return [(_check_smu(reading), _check_dmm(reading)) for reading in readings]


def _check_smu(reading: SiteReading) -> str:
    where = f"{SMU_STEP}: site {reading.site}"
    _expect(f"{where}: volts", reading.voltage, VOLTAGE)
    _expect(f"{where}: amperes", reading.current, CURRENT)
    if reading.limited:
        raise ChainError(f"{where}: in compliance")
    return f"{reading.voltage:g} V, {reading.current:g} A, in compliance: {reading.limited}"


def _check_dmm(reading: SiteReading) -> str:
    where = f"{DMM_STEP}: site {reading.site}"
    value = reading.dmm_value
    if value is None or not 0 < abs(value) <= _RANGE or reading.dmm_out_of_range:
        raise ChainError(
            f"{where}: {value} V, but a value in the range of {_RANGE:g} V was expected"
        )
    _expect(f"{where}: absolute resolution", reading.dmm_resolution, ABSOLUTE_RESOLUTION)
    return f"{value:g} V, resolution {reading.dmm_resolution:g} V"


def _expect(what: str, actual: float, due: float) -> None:
    if not math.isclose(actual, due, rel_tol=1e-9):
        raise ChainError(f"{what}: {actual}, but {due} was expected")
