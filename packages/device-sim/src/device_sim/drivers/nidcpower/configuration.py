"""The configuration of one channel: the rules of NI-DCPower's attributes and their effect."""

from __future__ import annotations

import math
from typing import Any

from nidcpower.enums import (
    ApertureTimeUnits,
    InstrumentMode,
    MeasureWhen,
    OutputFunction,
    SourceMode,
)

from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import Configuration, refuse
from device_sim.base.models import next_up
from device_sim.bench import Input
from device_sim.drivers.nidcpower.errors import ERRORS
from device_sim.drivers.nidcpower.lcr import measurement_seconds
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.drivers.nidcpower.sequences import SequenceBook, Step
from device_sim.drivers.nidcpower.setting import (
    Setting,
    function_names,
    is_pulsing,
    read_setting,
)
from device_sim.errors import INVALID_VALUE, DriverError

_AUTORANGED = {
    "voltage_level": ("voltage", "voltage_level_range", "voltage_level_autorange"),
    "voltage_limit": ("voltage", "voltage_limit_range", "voltage_limit_autorange"),
    "current_level": ("current", "current_level_range", "current_level_autorange"),
    "current_limit": ("current", "current_limit_range", "current_limit_autorange"),
}
_RANGE_OF = {range_: (value, auto) for value, (_, range_, auto) in _AUTORANGED.items()}

_OVERRANGE = 1.05
_LEAST_LIMIT = 0.01
"""Limits must be at least this fraction of their range."""


class SmuConfiguration(Configuration):
    """The attributes and the sequences of one channel."""

    model: SmuModel

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.sequences = SequenceBook()

    # The rules.

    def compute(self, name: str) -> Value | None:
        """Return the value of an attribute that follows from others or from the active step."""
        step = self._active_step()
        if step is not None and name in step:
            return step[name]
        if name in _RANGE_OF:
            return self._autorange(name)
        if name == "measure_when" and not self.is_set(name):
            on_demand = not self.is_sequencing
            default = "ON_DEMAND" if on_demand else "AUTOMATICALLY_AFTER_SOURCE_COMPLETE"
            return int(MeasureWhen[default].value)
        if name == "measure_record_delta_time":
            return self.aperture({})
        if name == "actual_power_allocation":
            disabled = self.table["power_allocation_mode"].choices or {}
            off = self.get("power_allocation_mode") == disabled.get("DISABLED")
            return -1.0 if off else self.number("requested_power_allocation")
        return None

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the model's next larger value for a range. Refuse sequences that do not exist."""
        name = attribute.name
        if name == "active_advanced_sequence" and value:
            self.sequences.get(str(value))
        if name == "merged_channels" and value and name not in self.model.features:
            raise refuse(name, value)
        low, high = self.model.lcr_frequencies
        if name == "lcr_frequency" and not low <= float(value) <= high:
            raise refuse(name, value)
        return super().coerce(attribute, value)

    def store(self, attribute: Attribute, value: Value) -> bool:
        """Store a value. A value of the active step has its effect when the sequence runs."""
        step = self._active_step()
        if step is not None:
            name = str(self.get("active_advanced_sequence"))
            if attribute.name in self.sequences.get(name).attributes:
                step[attribute.name] = value
                return False
        return super().store(attribute, value)

    def _autorange(self, name: str) -> Value | None:
        value, auto = _RANGE_OF[name]
        if not self.get(auto):
            return None
        return next_up(self.model.steps[_AUTORANGED[value][0]], self.number(value))

    # Sequences.

    def create_step(self, *, activate: bool) -> None:
        """Add a step to the active advanced sequence.

        Raises:
            DriverError: No sequence is active.
        """
        steps = self.sequences.get(str(self.get("active_advanced_sequence"))).steps
        steps.append({})
        if activate:
            self.own[self.table["active_advanced_sequence_step"]] = len(steps) - 1

    def delete_sequence(self, name: str) -> None:
        """Delete an advanced sequence.

        Raises:
            DriverError: No sequence has this name.
        """
        self.sequences.delete(name)
        active = self.table["active_advanced_sequence"]
        if self.own[active] == name:
            self.own[active] = ""

    def _active_step(self) -> Step | None:
        stored = self.own.changed
        sequence = self.sequences.advanced.get(str(stored.get("active_advanced_sequence", "")))
        number = int(stored.get("active_advanced_sequence_step", -1))
        if sequence is None:
            return None
        if number < 0:
            return sequence.commit_step
        return sequence.steps[number] if number < len(sequence.steps) else None

    # The values that the hardware uses.

    def value(self, name: str, step: Step) -> Value:
        """Return an attribute's value in a step. `aperture_seconds` is the aperture in seconds."""
        if name == "aperture_seconds":
            return self.aperture(step)
        return step[name] if name in step else self.get(name)

    def aperture(self, step: Step) -> float:
        """Return the duration of one measurement, in seconds."""
        if self.measures_lcr(step):
            custom = float(self.value("lcr_custom_measurement_time", step))
            return measurement_seconds(int(self.value("lcr_measurement_time", step)), custom)
        aperture = float(self.value("aperture_time", step))
        if self.value("aperture_time_units", step) == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= float(self.value("power_line_frequency", step))
        return aperture * float(self.value("samples_to_average", step))

    def measures_lcr(self, step: Step) -> bool:
        """Return whether impedances are measured."""
        return bool(self.value("instrument_mode", step) == InstrumentMode.LCR.value)

    def setting(self, step: Step, *, bias: bool = False) -> Setting:
        """Return the quantity to source in a step, with its limits."""
        return read_setting(lambda name: self.value(name, step), sinks=self.model.sinks, bias=bias)

    @property
    def is_sequencing(self) -> bool:
        """Return whether the channel runs a sequence."""
        return bool(self.get("source_mode") == SourceMode.SEQUENCE.value)

    @property
    def is_pulsing(self) -> bool:
        """Return whether the output makes pulses."""
        return is_pulsing(self.get)

    @property
    def loops(self) -> float:
        """Return the number of runs through the steps, infinity for no end."""
        if not self.is_sequencing:
            return 1
        finite = self.get("sequence_loop_count_is_finite")
        return self.number("sequence_loop_count") if finite else math.inf

    def steps(self) -> list[Step]:
        """Return the steps to run. A single point is one empty step.

        Raises:
            DriverError: The source mode is sequence, but there is no step.
        """
        if not self.is_sequencing:
            return [{}]
        level = function_names(self.get).level
        return self.sequences.steps(str(self.get("active_advanced_sequence")), level)

    def check(self, step: Step) -> None:
        """Check the attributes against each other.

        Raises:
            DriverError: The attributes contradict each other.
        """
        setting = self.setting(step)
        if self.value("output_function", step) == OutputFunction.CONSTANT_POWER.value:
            raise DriverError(ERRORS.OPERATION_NOT_SUPPORTED, "Constant power is not simulated.")
        if isinstance(setting.terminal(), Input):
            return
        names = function_names(lambda name: self.value(name, step))
        over = _OVERRANGE if self.value("overranging_enabled", step) else 1.0 + 1e-9
        least = _LEAST_LIMIT * setting.limit_range * (1.0 - 1e-9)
        for name, value, bound in (
            (names.level, setting.level, setting.level_range),
            (names.limit, setting.high, setting.limit_range),
            (names.limit, setting.low, setting.limit_range),
        ):
            if abs(value) > bound * over and not math.isinf(value):
                raise _outside(name, value, f"its range, {bound:g}")
        if setting.high < least and setting.low > -least:
            raise _outside(names.limit, setting.high, f"1 % of its range, {setting.limit_range:g}")


def _outside(name: str, value: float, bound: str) -> DriverError:
    return DriverError(
        INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value:g}\nConflicts with {bound}"
    )
