"""The devices of a server as its tasks share them: who has reserved what, and what is put out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from device_sim.base.instrument import Surroundings
from device_sim.drivers.nidaqmx import wiring
from device_sim.drivers.nidaqmx.attributes import Attributes, AttributeTable
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.pulses import Pulses
from device_sim.drivers.nidaqmx.scales import Scale
from device_sim.drivers.nidaqmx.system import Device, System
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task


class Hardware:
    """What the tasks of one server share.

    Args:
        surroundings: Clock, bench and files of the server.
        table: The properties of NI-DAQmx.
        system: The devices.
    """

    def __init__(self, surroundings: Surroundings, table: AttributeTable, system: System) -> None:
        self.clock = surroundings.clock
        self.bench = surroundings.bench
        self.timeline = surroundings.bench.timeline
        self.table = table
        self.system = system
        self.levels: dict[str, float] = {}
        """The last value of each analog output, by its physical channel."""
        self.lines: dict[str, bool] = {}
        """The last state of each digital output, by its line."""
        self.pulses: dict[str, Pulses] = {}
        """The signals of counter outputs, by the terminals at which they are."""
        self.scales: dict[str, Scale] = {}
        """The custom scales, by their names in lower case."""
        self._reserved: dict[str, Task] = {}
        self._unnamed = count()
        self._began = time.time() - self.clock.now()
        for device in system:
            self._power_up(device)
        system.added = self._power_up

    def _power_up(self, device: Device) -> None:
        wiring.power_up(device, self.bench, max(self.timeline.now, self.clock.now()))

    def unnamed(self) -> str:
        """Return the name of a task whose client gave none."""
        return f"_unnamedTask<{next(self._unnamed):X}>"

    def condition(self) -> threading.Condition:
        """Return a new condition of the timeline's lock."""
        return threading.Condition(self.timeline.lock)

    def owners(self, group: str, request: Any) -> list[Attributes]:
        """Return the owners of the properties that a call without a task names.

        Raises:
            DriverError: There is no such device, channel or scale.
        """
        if group == "Scale":
            return [self.scale(request.scale_name).attributes]
        return self.system.owners(group, request)

    def scale(self, name: str) -> Scale:
        """Return the custom scale with a name.

        Raises:
            DriverError: There is none.
        """
        if name.strip().lower() not in self.scales:
            raise DriverError(ERRORS.CUSTOM_SCALE_DOES_NOT_EXIST, f"Custom Scale Name: {name}")
        return self.scales[name.strip().lower()]

    # Time.

    @property
    def now(self) -> float:
        """The time of the running call: everything due by then has run on all instruments."""
        return self.timeline.now

    def wall_time(self, at: float) -> float:
        """Return the seconds since 1970 at a time of the server's clock."""
        return self._began + at

    @contextmanager
    def present(self) -> Iterator[None]:
        """Hold the lock, with everything done that is due by now: before and after a call."""
        with self.timeline.lock:
            self.timeline.advance(self.clock.now())
            try:
                yield
            finally:
                self.timeline.advance(self.clock.now())
                self.timeline.wake()

    def reset(self, device: Device) -> None:
        """Abort the tasks that have reserved something of a device, and power it up again."""
        prefix = f"{device.name}/"
        for task in {by for name, by in self._reserved.items() if name.startswith(prefix)}:
            task.abort()
        for held in (self.levels, self.lines):
            for name in [name for name in held if name.startswith(prefix)]:
                del held[name]
        self._power_up(device)

    # Reservations.

    def reserve(self, task: Task, resources: Iterable[str]) -> None:
        """Reserve resources for a task, all or none.

        Raises:
            DriverError: Another task has reserved one of them.
        """
        wanted = list(resources)
        for name in wanted:
            owner = self._reserved.get(name, task)
            if owner is not task:
                raise DriverError(
                    ERRORS.PAL_RESOURCE_RESERVED, f"Resource: {name}\nReserved by: {owner.name}"
                )
        self._reserved.update(dict.fromkeys(wanted, task))

    def release(self, task: Task) -> None:
        """Release all that a task has reserved."""
        self._reserved = {name: by for name, by in self._reserved.items() if by is not task}
