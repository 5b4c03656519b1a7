"""The configuration of a digitizer's channel: the rules of its attributes and their effect."""

from __future__ import annotations

import math

from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import Configuration, refuse
from device_sim.drivers.niscope.models import ScopeModel

_SLACK = 1e-9


class ScopeConfiguration(Configuration):
    """The attributes of one channel, with the timing that all channels share."""

    model: ScopeModel

    def compute(self, name: str) -> Value | None:
        """Return the value of an attribute that follows from others."""
        if name == "horz_sample_rate":
            return self.rate
        if name == "horz_record_length":
            return self.length
        if name == "horz_time_per_record":
            return self.length / self.rate
        return None

    @property
    def rate(self) -> float:
        """Samples per second: the slowest of the hardware's that is not below the wanted one."""
        return self.model.rate / max(
            1, math.floor(self.model.rate / self.number("min_sample_rate") * (1 + _SLACK))
        )

    @property
    def length(self) -> int:
        """Samples in a record."""
        return int(self.number("horz_min_num_pts"))

    @property
    def samples_before_trigger(self) -> int:
        """Samples of a record before the trigger."""
        return round(self.length * self.number("horz_record_ref_position") / 100.0)

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the hardware's next range; refuse rates and impedances that it does not have."""
        name = attribute.name
        too_fast = name == "min_sample_rate" and float(value) > self.model.rate * (1 + _SLACK)
        impedances = self.model.steps["impedances"]
        if too_fast or (name == "input_impedance" and value not in impedances):
            raise refuse(name, value)
        return super().coerce(attribute, value)

    def store(self, attribute: Attribute, value: Value) -> bool:
        """Store a value. The duration of a record becomes a number of samples."""
        if attribute.name != "horz_time_per_record":
            return super().store(attribute, value)
        length = self.table["horz_min_num_pts"]
        samples = math.ceil(float(value) * self.rate * (1 - _SLACK))
        return super().store(length, length.check(samples))
