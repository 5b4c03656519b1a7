"""Take one reading with an NI DMM."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import nidmm

_POLL_INTERVAL = 0.01
"""Seconds between two looks at the acquisition; the bound on how late a cancellation is seen."""


class MeasurementType(Enum):
    """What to measure: nidmm's functions for single readings, and the zero that protobuf needs."""

    NONE = 0
    DC_VOLTS = nidmm.Function.DC_VOLTS.value
    AC_VOLTS = nidmm.Function.AC_VOLTS.value
    DC_CURRENT = nidmm.Function.DC_CURRENT.value
    AC_CURRENT = nidmm.Function.AC_CURRENT.value
    TWO_WIRE_RES = nidmm.Function.TWO_WIRE_RES.value
    FOUR_WIRE_RES = nidmm.Function.FOUR_WIRE_RES.value
    FREQ = nidmm.Function.FREQ.value
    PERIOD = nidmm.Function.PERIOD.value
    TEMPERATURE = nidmm.Function.TEMPERATURE.value
    AC_VOLTS_DC_COUPLED = nidmm.Function.AC_VOLTS_DC_COUPLED.value
    DIODE = nidmm.Function.DIODE.value
    WAVEFORM_VOLTAGE = nidmm.Function.WAVEFORM_VOLTAGE.value
    WAVEFORM_CURRENT = nidmm.Function.WAVEFORM_CURRENT.value
    CAPACITANCE = nidmm.Function.CAPACITANCE.value
    INDUCTANCE = nidmm.Function.INDUCTANCE.value


NOT_SINGLE_READINGS = frozenset(
    {MeasurementType.NONE, MeasurementType.WAVEFORM_VOLTAGE, MeasurementType.WAVEFORM_CURRENT}
)
"""Types that the parameter can name and that give no single reading."""

UNITS = {
    MeasurementType.DC_VOLTS: "V",
    MeasurementType.AC_VOLTS: "V",
    MeasurementType.DC_CURRENT: "A",
    MeasurementType.AC_CURRENT: "A",
    MeasurementType.TWO_WIRE_RES: "Ohm",
    MeasurementType.FOUR_WIRE_RES: "Ohm",
    MeasurementType.FREQ: "Hz",
    MeasurementType.PERIOD: "s",
    MeasurementType.TEMPERATURE: "degC",
    MeasurementType.AC_VOLTS_DC_COUPLED: "V",
    MeasurementType.DIODE: "V",
    MeasurementType.CAPACITANCE: "F",
    MeasurementType.INDUCTANCE: "H",
}
"""Unit of the reading of each type."""


@dataclass(frozen=True)
class DmmSettings:
    """How to measure."""

    measurement_type: MeasurementType
    """What to measure."""

    range: float
    """Largest expected value, in the unit of the reading; the driver takes the next range up."""

    resolution_digits: float
    """Digits, such as 5.5."""


@dataclass(frozen=True)
class Reading:
    """One reading of a DMM."""

    measured_value: float
    """In the unit of the measurement type; NaN when the signal was out of range."""

    absolute_resolution: float
    """Resolution of the reading, in its unit."""

    @property
    def signal_out_of_range(self) -> bool:
        """Whether the signal was larger than the range."""
        return not math.isfinite(self.measured_value)


def take_reading(
    session: nidmm.Session, settings: DmmSettings, pause: Callable[[float], None]
) -> Reading:
    """Configure a DMM, wait for one reading, and ask for its resolution.

    Args:
        session: An open session.
        settings: How to measure.
        pause: Waits the given seconds; raises when the caller no longer waits for the result.

    Raises:
        nidmm.errors.DriverError: The instrument refused.
    """
    session.configure_measurement_digits(
        nidmm.Function(settings.measurement_type.value),
        settings.range,
        settings.resolution_digits,
    )
    # Initiate and fetch instead of read: a blocked read could not be cancelled.
    with session.initiate():
        while session.read_status()[1] is nidmm.AcquisitionStatus.RUNNING:
            pause(_POLL_INTERVAL)
        value = session.fetch()
    return Reading(value, session.resolution_absolute)
