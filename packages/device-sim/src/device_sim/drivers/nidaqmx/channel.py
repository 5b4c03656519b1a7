"""A virtual channel of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from device_sim.drivers.nidaqmx.attributes import Attributes
from device_sim.drivers.nidaqmx.system import PhysicalChannel


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

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its devices."""
        return tuple(dict.fromkeys(each.device.name for each in self.physical))

    @property
    def lines(self) -> Sequence[PhysicalChannel]:
        """The lines of a digital channel."""
        return [line for each in self.physical for line in each.lines]
