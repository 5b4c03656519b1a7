"""The measurement functions: the action of each on the terminals, and its reading."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass

from nidmm.enums import Function, LCCalculationModel, RTDType, ThermistorType, TransducerType

from device_sim.base.attributes import Value
from device_sim.bench import Bench, Grid, Input, Output, Terminal
from device_sim.drivers.nidmm import temperature

_BURDEN = 0.1  # Volts across the shunt at the full current range.
_TEST_VOLTAGE = 1.0  # Volts across a resistor of the full range.
_LARGEST_TEST_CURRENT = 1e-3
_OPEN_VOLTAGE = 10.0  # Voltage of the ohms source without a load.
_LC_FREQUENCY = 1000.0

_RESISTANCES = frozenset({Function.TWO_WIRE_RES.value, Function.FOUR_WIRE_RES.value})
_AC_VOLTS = frozenset({Function.AC_VOLTS.value, Function.AC_VOLTS_DC_COUPLED.value})
_CURRENTS = frozenset(
    {Function.DC_CURRENT.value, Function.AC_CURRENT.value, Function.WAVEFORM_CURRENT.value}
)

UNITS = {
    Function.DC_VOLTS.value: "V",
    Function.AC_VOLTS.value: "V",
    Function.AC_VOLTS_DC_COUPLED.value: "V",
    Function.WAVEFORM_VOLTAGE.value: "V",
    Function.DIODE.value: "V",
    Function.DC_CURRENT.value: "A",
    Function.AC_CURRENT.value: "A",
    Function.WAVEFORM_CURRENT.value: "A",
    Function.TWO_WIRE_RES.value: "Ω",
    Function.FOUR_WIRE_RES.value: "Ω",
    Function.FREQ.value: "V",
    Function.PERIOD.value: "V",
    Function.TEMPERATURE.value: "°C",
    Function.CAPACITANCE.value: "F",
    Function.INDUCTANCE.value: "H",
}
"""The unit of the range of each measurement function."""

Getter = Callable[[str], Value]


@dataclass(frozen=True, slots=True)
class Probe:
    """A multimeter at its channel of the bench.

    Readings are in the function's unit, without the multimeter's own deviations. NaN means that the
    signal overloads the range, or that there is no signal to measure.
    """

    bench: Bench
    """The bench."""

    wire: str
    """Its channel."""

    get: Getter
    """Return the value of an attribute."""

    function: int
    """The measurement function."""

    range: float
    """The range in use."""

    def terminal(self) -> Terminal:
        """Return the action on the nets."""
        if self.function in _CURRENTS:
            return Input(_BURDEN / self.range)
        if self.function in _RESISTANCES or self._thermal_resistance:
            return Output("current", self._test_current, -_OPEN_VOLTAGE, _OPEN_VOLTAGE)
        if self.function == Function.DIODE.value:
            current = float(self.get("current_source"))
            return Output("current", current, -_OPEN_VOLTAGE, _OPEN_VOLTAGE)
        return Input(float(self.get("input_resistance")))

    @property
    def _thermal_resistance(self) -> bool:
        thermocouple = self.get("temp_transducer_type") == TransducerType.THERMOCOUPLE.value
        return self.function == Function.TEMPERATURE.value and not thermocouple

    @property
    def _test_current(self) -> float:
        return min(_LARGEST_TEST_CURRENT, _TEST_VOLTAGE / self.range)

    def read(self, begin: float, end: float) -> float:
        """Return the mean over an aperture."""
        function = self.function
        if function in _RESISTANCES:
            return self._resistance(begin, end)
        if function == Function.TEMPERATURE.value:
            return self._temperature(begin, end)
        if function in _AC_VOLTS:
            dc = function == Function.AC_VOLTS_DC_COUPLED.value
            mean = self.bench.measure(self.wire, begin, end).voltage if dc else 0.0
            return math.hypot(mean, self.bench.alternating(self.wire, begin, end).rms)
        if function == Function.AC_CURRENT.value:
            return self.bench.alternating(self.wire, begin, end).rms * self.range / _BURDEN
        if function in (Function.FREQ.value, Function.PERIOD.value):
            frequency = self.bench.alternating(self.wire, begin, end).frequency
            return frequency if function == Function.FREQ.value else 1.0 / frequency
        if function in (Function.CAPACITANCE.value, Function.INDUCTANCE.value):
            return self._reactive(end)
        state = self.bench.measure(self.wire, begin, end)
        return -state.current if function in _CURRENTS else state.voltage

    def waveform(self, grid: Grid) -> list[float]:
        """Return the signal at equidistant times."""
        volts = self.bench.sample(self.wire, grid).voltages
        scale = self.range / _BURDEN if self.function in _CURRENTS else 1.0
        return [scale * float(value) for value in volts]

    def _resistance(self, begin: float, end: float) -> float:
        state = self.bench.measure(self.wire, begin, end)
        return math.nan if state.limited or not state.current else state.voltage / state.current

    def _reactive(self, at: float) -> float:
        z = self.bench.impedance(self.wire, _LC_FREQUENCY, at)
        omega = 2.0 * math.pi * _LC_FREQUENCY
        if not cmath.isfinite(z) or not z.imag:
            return math.nan
        y = 1.0 / z
        parallel = self.get("lc_calculation_model") == LCCalculationModel.PARALLEL.value
        if self.function == Function.CAPACITANCE.value:
            return y.imag / omega if parallel else -1.0 / (omega * z.imag)
        return -1.0 / (omega * y.imag) if parallel else z.imag / omega

    def _temperature(self, begin: float, end: float) -> float:
        if not self._thermal_resistance:
            voltage = self.bench.measure(self.wire, begin, end).voltage
            junction = float(self.get("temp_tc_fixed_ref_junc"))
            kind = int(self.get("temp_tc_type"))
            return temperature.thermocouple_temperature(voltage, kind, junction)
        resistance = self._resistance(begin, end)
        if self.get("temp_transducer_type") == TransducerType.THERMISTOR.value:
            return temperature.thermistor_temperature(resistance, self._thermistor())
        nominal = float(self.get("temp_rtd_res"))
        return temperature.rtd_temperature(resistance, nominal, self._rtd())

    def _rtd(self) -> tuple[float, float, float]:
        kind = int(self.get("temp_rtd_type"))
        if kind == RTDType.CUSTOM.value:
            return self._custom("temp_rtd")
        return temperature.RTD_COEFFICIENTS[kind]

    def _thermistor(self) -> tuple[float, float, float]:
        kind = int(self.get("temp_thermistor_type"))
        if kind == ThermistorType.CUSTOM.value:
            return self._custom("temp_thermistor")
        return temperature.THERMISTOR_COEFFICIENTS[kind]

    def _custom(self, prefix: str) -> tuple[float, float, float]:
        a, b, c = (float(self.get(f"{prefix}_{letter}")) for letter in "abc")
        return a, b, c
