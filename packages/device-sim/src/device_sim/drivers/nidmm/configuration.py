"""The configuration of a multimeter: the rules of its attributes, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import metadata

from nidmm.enums import ApertureTimeUnits, Function

from device_sim.base.attributes import Attribute, AttributeTable, Value
from device_sim.base.channels import ChannelList
from device_sim.base.instrument import InstrumentSession, Surroundings
from device_sim.base.models import identity
from device_sim.base.options import Options
from device_sim.drivers.nidmm.models import DmmModel, resolution
from device_sim.errors import INVALID_VALUE, DriverError

AUTO = -1
"""What NI-DMM takes for "let the driver choose"."""

_AUTO_RANGES = frozenset({-1.0, -2.0, -3.0})  # On, off (keep the last), once.
_DIGITS = (3.5, 4.5, 5.5, 6.5, 7.5)
_LARGEST_RATE = 1800000


class ConfiguredDmm(InstrumentSession):
    """A multimeter with its attributes.

    Args:
        table: The driver's attributes.
        dmm: The model.
        channels: Its one channel.
        resource: The resource name that the client gave.
        options: The client's option string.
        surroundings: Clock and bench.
    """

    def __init__(
        self,
        table: AttributeTable,
        dmm: DmmModel,
        channels: ChannelList,
        *,
        resource: str,
        options: Options,
        surroundings: Surroundings,
    ) -> None:
        defaults = {
            **identity(dmm, f"nidmm {metadata.version('nidmm')}"),
            "driver_setup": options.driver_setup,
            "io_resource_descriptor": resource,
            "instrument_product_id": dmm.product_id,
        }
        super().__init__(table, channels, options, surroundings, defaults)
        self.model = dmm.number
        self.dmm = dmm
        self.wire = channels.channels[0].qualified
        self.auto_range = 0.0

    @property
    def wired(self) -> bool:
        """Whether the bench says what the multimeter is connected to."""
        return self.bench.is_wired(self.wire)

    @property
    def function(self) -> int:
        """The measurement function."""
        return int(self.get("function"))

    def compute(self, attribute: Attribute, index: int) -> Value | None:
        """Attributes that follow from others."""
        name = attribute.name
        if name == "resolution_absolute":
            return resolution(self.range_in_use(), self.number("resolution_digits"))
        if name == "auto_range_value":
            return self.range_in_use()
        if name == "range" and "range" in self.own.changed:
            return self._range_of_function(float(self.own.changed["range"]))
        if name == "freq_voltage_auto_range":
            chosen = self.number("freq_voltage_range")
            return chosen if chosen > 0 else self.dmm.ranges[Function.DC_VOLTS.value][-1]
        return None

    def _range_of_function(self, stored: float) -> float:
        """A range that the present function does not have becomes its next one."""
        if stored in _AUTO_RANGES:
            return stored
        return self.dmm.range_for(self.function, stored) or self.dmm.ranges[self.function][-1]

    def coerce(self, attribute: Attribute, index: int, value: Value) -> Value:
        """Ranges, digits and rates go to the next that the hardware has."""
        name = attribute.name
        if name == "range" and value not in _AUTO_RANGES:
            return self._require(self.dmm.range_for(self.function, float(value)), name, value)
        if name == "function" and value not in self.dmm.ranges:
            raise _refuse(name, value)
        if name == "resolution_digits":
            finer = next((d for d in _DIGITS if d >= float(value)), None)
            fits = finer is not None and finer <= self.dmm.largest_digits
            return self._require(finer if fits else None, name, value)
        if name == "waveform_rate":
            return _LARGEST_RATE / max(1, round(_LARGEST_RATE / float(value)))
        return value

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """A resolution given in units becomes digits."""
        if attribute.name == "resolution_absolute":
            asked = float(self.own.changed.pop("resolution_absolute"))
            if asked <= 0:
                raise _refuse(attribute.name, asked)
            digits = math.log10(self.range_in_use() / (2.0 * asked))
            finer = next((d for d in _DIGITS if math.floor(d) >= digits - 1e-9), math.inf)
            self.set("resolution_digits", min(finer, self.dmm.largest_digits))

    @staticmethod
    def _require(chosen: float | None, name: str, asked: Value) -> float:
        if chosen is None or float(asked) < 0:
            raise _refuse(name, asked)
        return chosen

    def range_in_use(self) -> float:
        """The range; with automatic ranging the one last chosen, at first the largest."""
        chosen = self.number("range")
        if chosen not in _AUTO_RANGES:
            return chosen
        return self.auto_range or self.dmm.ranges[self.function][-1]

    def configure(self, function: int, range_: float, name: str, resolution_value: float) -> None:
        """Set function, range and resolution (`resolution_digits` or `resolution_absolute`)."""
        self.set("function", function)
        self.set("range", range_)
        self.auto_range = 0.0
        self.set(name, resolution_value)
        self.set("operation_mode", 0)

    def aperture(self) -> float:
        """Seconds that a sample is averaged over."""
        aperture = self.number("aperture_time")
        if aperture == AUTO:
            digits = self.number("resolution_digits")
            return self.dmm.apertures.get(digits, max(self.dmm.apertures.values()))
        if self.get("aperture_time_units") == ApertureTimeUnits.POWER_LINE_CYCLES.value:
            aperture /= self.number("powerline_freq")
        return aperture * self.number("number_of_averages")


def _refuse(name: str, value: Value) -> DriverError:
    return DriverError(INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value}")
