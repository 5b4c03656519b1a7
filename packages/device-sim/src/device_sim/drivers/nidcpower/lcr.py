"""LCR measurements: an alternating stimulus, and the impedance at the terminals."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from nidcpower.enums import (
    InstrumentMode,
    LCRDCBiasSource,
    LCRMeasurementTime,
    LCRStimulusFunction,
)

from device_sim.base.attributes import Value
from device_sim.bench import Bench
from device_sim.drivers.nidcpower.sequences import Step

_UNWIRED_IMPEDANCE = complex(1000.0, 0.0)
"""Ohms that an LCR meter sees without a bench. NI's own simulated value is not public."""

_OPEN_IMPEDANCE = 1e12
"""Ohms that stand for an open circuit, so that all derived values stay numbers."""

_NEVER = (1940, 3, 1, 0, 0)
"""NI's date of a compensation or calibration that a simulated device never had."""

# Seconds of the profiles. Those of the hardware are not public.
_MEASUREMENT_TIMES = {
    LCRMeasurementTime.SHORT.value: 0.005,
    LCRMeasurementTime.MEDIUM.value: 0.02,
    LCRMeasurementTime.LONG.value: 0.1,
}


@dataclass(frozen=True, slots=True)
class LcrRecord:
    """One LCR measurement, in the fields of NI's message."""

    vdc: float
    """DC volts."""
    idc: float
    """DC amperes."""
    stimulus_frequency: float
    """Hertz."""
    ac_voltage: complex
    """Volts RMS."""
    ac_current: complex
    """Amperes RMS."""
    z: complex
    """Ohms."""

    def fields(self) -> dict[str, Any]:
        """All fields of the message `NILCRMeasurement`, the derived ones included."""
        z, y = self.z, 1.0 / self.z
        omega = 2.0 * math.pi * self.stimulus_frequency
        q = abs(z.imag) / z.real if z.real else math.inf
        own = {
            name: _complex(value) if isinstance(value, complex) else value
            for name, value in asdict(self).items()
        }
        return {
            **own,
            "y": _complex(y),
            "z_magnitude": abs(z),
            "z_phase": math.degrees(cmath.phase(z)),
            "y_magnitude": abs(y),
            "y_phase": math.degrees(cmath.phase(y)),
            "ls": z.imag / omega,
            "cs": -1.0 / (omega * z.imag) if z.imag else math.inf,
            "rs": z.real,
            "lp": -1.0 / (omega * y.imag) if y.imag else math.inf,
            "cp": y.imag / omega,
            "rp": 1.0 / y.real if y.real else math.inf,
            "d": 1.0 / q if q else math.inf,
            "q": q,
            "measurement_mode": InstrumentMode.LCR.value,
            "dc_in_compliance": False,
            "ac_in_compliance": False,
            "unbalanced": False,
        }


@dataclass(slots=True)
class Compensations:
    """The LCR compensations that an instrument has stored."""

    dates: dict[int, tuple[int, int, int, int, int]] = field(default_factory=dict)
    """The time of each type's last compensation: year, month, day, hour, minute."""

    custom_cable: bytes = b"device-sim custom cable compensation"
    """The data of a custom cable."""


class LcrUnit:
    """The LCR side of one channel.

    Args:
        value: Return an attribute's value in a step.
        bench: The wiring of the channel.
        wire: The channel's name on the bench.
    """

    def __init__(self, value: Callable[[str, Step], Value], bench: Bench, wire: str) -> None:
        self._value = value
        self._bench = bench
        self._wire = wire
        self.compensations = Compensations()

    def last_compensation(self, compensation: int) -> tuple[int, int, int, int, int]:
        """Return the time of the last compensation of a type."""
        return self.compensations.dates.get(compensation, _NEVER)

    def acquire(self, step: Step, at: float) -> LcrRecord:
        """Measure at a time."""
        frequency = self._number("lcr_frequency", step)
        z = self._impedance(frequency, at)
        stimulus = self._value("lcr_stimulus_function", step)
        if stimulus == LCRStimulusFunction.VOLTAGE.value:
            voltage = complex(self._number("lcr_voltage_amplitude", step))
            current = voltage / z
        else:
            current = complex(self._number("lcr_current_amplitude", step))
            voltage = current * z
        vdc, idc = self._bias(step, at)
        return LcrRecord(vdc, idc, frequency, voltage, current, z)

    def _number(self, name: str, step: Step) -> float:
        return float(self._value(name, step))

    def _impedance(self, frequency: float, at: float) -> complex:
        if not self._bench.is_wired(self._wire):
            return _UNWIRED_IMPEDANCE
        z = self._bench.impedance(self._wire, frequency, at)
        return z if cmath.isfinite(z) and abs(z) < _OPEN_IMPEDANCE else complex(_OPEN_IMPEDANCE)

    def _bias(self, step: Step, at: float) -> tuple[float, float]:
        source = self._value("lcr_dc_bias_source", step)
        voltage = self._number("lcr_dc_bias_voltage_level", step)
        current = self._number("lcr_dc_bias_current_level", step)
        if self._bench.is_wired(self._wire):
            state = self._bench.measure(self._wire, at, at)
            return state.voltage, state.current
        return (
            voltage if source == LCRDCBiasSource.VOLTAGE.value else 0.0,
            current if source == LCRDCBiasSource.CURRENT.value else 0.0,
        )


def measurement_seconds(profile: int, custom: float) -> float:
    """Return the duration of one measurement in seconds, for a profile or a custom time."""
    return _MEASUREMENT_TIMES.get(profile, custom)


def _complex(value: complex) -> dict[str, float]:
    return {"real": value.real, "imaginary": value.imag}
