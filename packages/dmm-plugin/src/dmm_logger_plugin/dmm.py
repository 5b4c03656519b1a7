"""Take one reading with an NI DMM."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import nidmm

_POLL_INTERVAL = 0.01
"""Seconds between two checks of the acquisition. A cancellation is noticed at the next check."""


class MeasurementType(Enum):
    """The function of the DMM: the functions of nidmm, and the zero that protobuf needs."""

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
"""Values of the parameter with which a DMM returns no single reading."""

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
    """The settings of the DMM."""

    measurement_type: MeasurementType
    """The function of the DMM."""

    range: float
    """Largest expected value, in the unit of the reading. The driver uses the next larger range."""

    resolution_digits: float
    """Digits, such as 5.5."""


@dataclass(frozen=True)
class Reading:
    """One reading of a DMM."""

    measured_value: float
    """The reading in the unit of the measurement type; NaN when the signal was out of range."""

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
        session: An open session of the DMM.
        settings: The settings of the DMM.
        pause: Waits the given seconds. It raises an error when the caller has cancelled.

    Raises:
        nidmm.errors.DriverError: The driver or the instrument refused a call.
    """
    session.configure_measurement_digits(
        nidmm.Function(settings.measurement_type.value),
        settings.range,
        settings.resolution_digits,
    )
    # Use initiate and fetch instead of read, because a blocked read cannot be cancelled.
    with session.initiate():
        while session.read_status()[1] is nidmm.AcquisitionStatus.RUNNING:
            pause(_POLL_INTERVAL)
        value = session.fetch()
    return Reading(value, session.resolution_absolute)
