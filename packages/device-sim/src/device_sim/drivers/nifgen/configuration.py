"""The models of NI-FGEN, and the limits that they set to a channel's attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_sim.base.attributes import Attribute, Value
from device_sim.base.configuration import Configuration, refuse
from device_sim.base.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class FgenModel(Model):
    """A generator."""

    limits: Mapping[str, Sequence[float]]
    """Smallest and largest value by attribute."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        return {"limits": row["limits"]}


class FgenConfiguration(Configuration):
    """The attributes of one channel of a generator."""

    model: FgenModel

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return `value` if the model has it."""
        if attribute.name in self.model.limits:
            low, high = self.model.limits[attribute.name]
            if not low <= float(value) <= high:
                raise refuse(attribute.name, value)
        return super().coerce(attribute, value)
