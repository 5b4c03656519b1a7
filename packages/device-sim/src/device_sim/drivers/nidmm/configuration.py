"""The configuration of a multimeter: the rules of its attributes and their effect."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from nidmm.enums import ApertureTimeUnits, Function

from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import Configuration, refuse
from device_sim.base.models import next_up
from device_sim.drivers.nidmm.models import DmmModel, resolution

AUTO = -1
"""NI-DMM's value for "let the driver choose"."""

_LARGEST_RATE = 1800000


class DmmConfiguration(Configuration):
    """The attributes of a multimeter."""

    model: DmmModel

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.auto_range = 0.0
        """The range that automatic ranging chose last; 0 if it has chosen none yet."""

    @property
    def function(self) -> int:
        """The measurement function."""
        return int(self.get("function"))

    def compute(self, name: str) -> Value | None:
        """Return the value of an attribute that follows from others."""
        if name == "resolution_absolute":
            return resolution(self.range_in_use(), self.number("resolution_digits"))
        if name == "auto_range_value":
            return self.range_in_use()
        if name == "range" and self.is_set(name):
            return self._range_of_function()
        if name == "freq_voltage_auto_range":
            chosen = self.number("freq_voltage_range")
            return chosen if chosen > 0 else self.model.ranges[Function.DC_VOLTS.value][-1]
        return None

    def _range_of_function(self) -> float:
        """Return the stored range. If the present function lacks it, return its next larger one."""
        attribute = self.table["range"]
        stored = float(self.values_of(attribute)[attribute])
        if stored in attribute.specials:
            return stored
        ranges = self.model.ranges[self.function]
        return next_up(ranges, stored) or ranges[-1]

    def steps_for(self, steps: str) -> Iterable[float]:
        """Return the model's steps, or the ranges of the present function."""
        if steps == "ranges":
            return self.model.ranges[self.function]
        return super().steps_for(steps)

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the hardware's next range, number of digits or rate."""
        if attribute.name == "function" and value not in self.model.ranges:
            raise refuse(attribute.name, value)
        if attribute.name == "waveform_rate":
            return _LARGEST_RATE / max(1, round(_LARGEST_RATE / float(value)))
        return super().coerce(attribute, value)

    def store(self, attribute: Attribute, value: Value) -> bool:
        """Store a value. A resolution in units becomes digits."""
        if attribute.name != "resolution_absolute":
            return super().store(attribute, value)
        asked = float(value)
        if asked <= 0:
            raise refuse(attribute.name, asked)
        digits = math.log10(self.range_in_use() / (2.0 * asked))
        steps = self.model.steps["digits"]
        finer = next((d for d in steps if math.floor(d) >= digits - 1e-9), steps[-1])
        return super().store(self.table["resolution_digits"], finer)

    def range_in_use(self) -> float:
        """Return the range. With automatic ranging: the last choice, at first the largest."""
        chosen = self.number("range")
        if chosen not in self.table["range"].specials:
            return chosen
        return self.auto_range or self.model.ranges[self.function][-1]

    def aperture(self) -> float:
        """Return the averaging time of a sample, in seconds."""
        aperture = self.number("aperture_time")
        if aperture == AUTO:
            digits = self.number("resolution_digits")
            return self.model.apertures.get(digits, max(self.model.apertures.values()))
        if self.get("aperture_time_units") == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= self.number("powerline_freq")
        return aperture * self.number("number_of_averages")
