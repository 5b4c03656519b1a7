"""A virtual channel of a task."""

from __future__ import annotations

from dataclasses import dataclass

from device_sim.drivers.nidaqmx.attributes import Values
from device_sim.drivers.nidaqmx.system import PhysicalChannel


@dataclass(frozen=True, slots=True)
class Channel:
    """A virtual channel: the physical channels behind a name, with the client's settings."""

    name: str
    """Its name in the task."""

    kind: str
    """`AI`, `AO`, `DI`, `DO`, `CI` or `CO`."""

    physical: tuple[PhysicalChannel, ...]
    """Its physical channel, or its lines."""

    values: Values
    """Its properties."""

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its devices."""
        return tuple(dict.fromkeys(each.device.name for each in self.physical))
