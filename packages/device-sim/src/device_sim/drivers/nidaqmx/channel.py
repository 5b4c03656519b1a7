"""A virtual channel of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nidaqmx.constants import VoltageUnits

from device_sim.drivers.nidaqmx.attributes import Attributes
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.scales import Numbers, Scale
from device_sim.drivers.nidaqmx.system import PhysicalChannel
from device_sim.errors import DriverError

_FROM_CUSTOM_SCALE = VoltageUnits.FROM_CUSTOM_SCALE.value
_UNITS = ("AI_VOLTAGE_UNITS", "AI_CURRENT_UNITS", "AI_RESISTANCE_UNITS", "AO_VOLTAGE_UNITS")


@dataclass(slots=True)
class Channel:
    """A virtual channel: the physical channels behind a name, with the client's settings."""

    name: str
    """Its name in the task."""

    kind: str
    """`AI`, `AO`, `DI`, `DO`, `CI` or `CO`."""

    physical: tuple[PhysicalChannel, ...]
    """Its physical channel, or its lines."""

    attributes: Attributes
    """Its properties."""

    limits: list[float] = field(default_factory=list)
    """For an analog channel: the smallest and largest value that the client expects, in its
    units."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    """The custom scales of the server, by their names in lower case."""

    @property
    def scale(self) -> Scale | None:
        """Its custom scale, None if its values are those of the hardware.

        Raises:
            DriverError: There is no such scale.
        """
        attributes = self.attributes
        if not any(attributes.get(name, 0) == _FROM_CUSTOM_SCALE for name in _UNITS):
            return None
        name = str(attributes[f"{self.kind}_CUSTOM_SCALE_NAME"])
        if name.strip().lower() not in self.scales:
            raise DriverError(
                ERRORS.CUSTOM_SCALE_DOES_NOT_EXIST,
                f"Custom Scale Name: {name}\nChannel: {self.name}",
            )
        return self.scales[name.strip().lower()]

    def in_units(self, values: Numbers) -> Numbers:
        """Return values of the hardware in the units of the channel."""
        return self.scale.forward(values) if self.scale else values

    def in_hardware(self, values: Numbers) -> Numbers:
        """Return values in the units of the channel as those of the hardware."""
        return self.scale.reverse(values) if self.scale else values

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its devices."""
        return tuple(dict.fromkeys(each.device.name for each in self.physical))

    @property
    def lines(self) -> Sequence[PhysicalChannel]:
        """The lines of a digital channel."""
        return [line for each in self.physical for line in each.lines]
