"""The configuration of a multimeter: the rules of its attributes and their effect."""

from __future__ import annotations

import math
from typing import Any

from nidmm.enums import ApertureTimeUnits, Function

from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import Configuration
from device_sim.drivers.nidmm.models import DmmModel, resolution
from device_sim.errors import INVALID_VALUE, DriverError

AUTO = -1
"""NI-DMM's value for "let the driver choose"."""

_AUTO_RANGES = frozenset({-1.0, -2.0, -3.0})  # On, off (keep the last), once.
_DIGITS = (3.5, 4.5, 5.5, 6.5, 7.5)
_LARGEST_RATE = 1800000


class DmmConfiguration(Configuration):
    """The attributes of a multimeter.

    Args:
        dmm: Its model.
        stores: As for Configuration.
    """

    def __init__(self, dmm: DmmModel, *stores: Any) -> None:
        super().__init__(*stores)
        self._dmm = dmm
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
            return chosen if chosen > 0 else self._dmm.ranges[Function.DC_VOLTS.value][-1]
        return None

    def _range_of_function(self) -> float:
        """Return the stored range. If the present function lacks it, return its next larger one."""
        attribute = self.table["range"]
        stored = float(self.values_of(attribute)[attribute])
        if stored in _AUTO_RANGES:
            return stored
        return self._dmm.range_for(self.function, stored) or self._dmm.ranges[self.function][-1]

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the hardware's next range, number of digits or rate."""
        name = attribute.name
        if name == "range" and value not in _AUTO_RANGES:
            return self._require(self._dmm.range_for(self.function, float(value)), name, value)
        if name == "function" and value not in self._dmm.ranges:
            raise _refuse(name, value)
        if name == "resolution_digits":
            finer = next((d for d in _DIGITS if d >= float(value)), None)
            fits = finer is not None and finer <= self._dmm.largest_digits
            return self._require(finer if fits else None, name, value)
        if name == "waveform_rate":
            return _LARGEST_RATE / max(1, round(_LARGEST_RATE / float(value)))
        return value

    @staticmethod
    def _require(chosen: float | None, name: str, asked: Value) -> float:
        if chosen is None or float(asked) < 0:
            raise _refuse(name, asked)
        return chosen

    def store(self, attribute: Attribute, value: Value) -> bool:
        """Store a value. A resolution in units becomes digits."""
        if attribute.name != "resolution_absolute":
            return super().store(attribute, value)
        asked = float(value)
        if asked <= 0:
            raise _refuse(attribute.name, asked)
        digits = math.log10(self.range_in_use() / (2.0 * asked))
        finer = next((d for d in _DIGITS if math.floor(d) >= digits - 1e-9), math.inf)
        in_digits = self.table["resolution_digits"]
        return super().store(in_digits, min(finer, self._dmm.largest_digits))

    def range_in_use(self) -> float:
        """Return the range. With automatic ranging: the last choice, at first the largest."""
        chosen = self.number("range")
        if chosen not in _AUTO_RANGES:
            return chosen
        return self.auto_range or self._dmm.ranges[self.function][-1]

    def aperture(self) -> float:
        """Return the averaging time of a sample, in seconds."""
        aperture = self.number("aperture_time")
        if aperture == AUTO:
            digits = self.number("resolution_digits")
            return self._dmm.apertures.get(digits, max(self._dmm.apertures.values()))
        if self.get("aperture_time_units") == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= self.number("powerline_freq")
        return aperture * self.number("number_of_averages")


def _refuse(name: str, value: Value) -> DriverError:
    return DriverError(INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value}")
