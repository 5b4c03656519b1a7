"""A session of NI-DCPower: the programming flow, and the waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nidcpower.enums import InstrumentMode

from device_sim.base.attributes import Attribute, Scope, Value
from device_sim.base.instrument import InstrumentSession, Opening
from device_sim.base.overview import ChannelState
from device_sim.call import Call
from device_sim.drivers.nidcpower.channel import Channel
from device_sim.drivers.nidcpower.configuration import SmuConfiguration
from device_sim.drivers.nidcpower.engine import Record
from device_sim.drivers.nidcpower.errors import ERRORS
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.errors import DriverError


class DCPowerSession(InstrumentSession):
    """The state of one NI-DCPower session."""

    configuration_class = SmuConfiguration
    model: SmuModel

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.independent = opening.style == "independent"
        self.units = [
            Channel(channel, self.model, self.bench, configuration)
            for channel, configuration in zip(
                self.channels.channels, self.attributes.channels, strict=True
            )
        ]

    # Attributes.

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return a common value. The backlog is the number that every unfinished channel has.

        So a loop that fetches the backlog of the session from each channel comes to an end.
        """
        if attribute.name == "fetch_backlog":
            backlogs = (self.units[index].backlog for index in indices)
            return min((backlog for backlog in backlogs if backlog is not None), default=0)
        return super().combine(attribute, indices)

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Make running channels use the new value."""
        if attribute.scope is Scope.CHANNEL:
            now = self.now
            for index in indices:
                self.units[index].attribute_changed(now)
            self.lock.notify_all()

    # The channels of a call.

    def select_for_flow(self, channel_name: str) -> list[int]:
        """Return the channels of a call of the programming flow. A legacy session has all or none.

        Raises:
            DriverError: A channel is unknown, or the client named only some of a legacy session.
        """
        indices = self.select(channel_name)
        if not self.independent and set(indices) != set(range(len(self.channels))):
            raise DriverError(ERRORS.ALL_CHANNELS_ONLY)
        return indices

    def select_one(self, channel_name: str) -> int:
        """Return the only channel of a call.

        Raises:
            DriverError: A channel is unknown, or the call names several.
        """
        indices = self.select(channel_name)
        if len(indices) != 1:
            raise DriverError(ERRORS.ONE_CHANNEL_ONLY)
        return indices[0]

    def describe(self, index: int) -> ChannelState:
        """Return whether a channel sources, and what it sources or would source."""
        unit = self.units[index]
        setting = unit.sourcing or unit.configuration.setting({})
        return ChannelState(unit.sourcing is not None, setting.quantities())

    # The programming flow.

    def commit(self, indices: Sequence[int]) -> None:
        """Check the attributes of channels against each other."""
        for index in indices:
            self.units[index].commit()

    def initiate(self, indices: Sequence[int]) -> None:
        """Start all of some channels, or none."""
        self.commit(indices)
        now = self.now
        for index in indices:
            self.units[index].initiate(now)

    def abort(self, indices: Sequence[int]) -> None:
        """Stop channels. Their outputs stay as they are."""
        for index in indices:
            self.units[index].abort()
        with self.lock:
            self.lock.notify_all()

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Stop channels, switch their outputs off, and set their attributes to the defaults."""
        now = self.now
        self.attributes.reset(indices)
        for unit in self.units if indices is None else [self.units[i] for i in indices]:
            unit.reset(now)
        with self.lock:
            self.lock.notify_all()

    def disable(self) -> None:
        """Switch all outputs off."""
        everything = range(len(self.channels))
        self.abort(everything)
        for unit in self.units:
            unit.shut_down(self.now)
        self.set("output_enabled", False)

    def close(self) -> None:
        """Stop the engines. As with real hardware, the outputs stay as they are."""
        with self.lock:
            self.catch_up()
            self.abort(range(len(self.channels)))

    # Waiting and measuring.

    def wait_for_event(
        self, indices: Sequence[int], event: int, timeout: float, call: Call
    ) -> None:
        """Wait until all channels have had an event.

        Raises:
            DriverError: They have not within `timeout` seconds.
        """
        units = [self.units[index] for index in indices]

        def poll(now: float) -> float | None:
            again = min(unit.due() for unit in units)
            engines = [unit.engine for unit in units]
            if all(engine is not None and engine.has_event(event) for engine in engines):
                return None
            return again

        if not self.wait(call, poll, self.now + timeout):
            raise DriverError(ERRORS.WAIT_FOR_EVENT_TIMEOUT)
        for unit in units:
            if unit.engine:
                unit.engine.take_event(event)

    def measure(self, indices: Sequence[int], call: Call) -> list[Record]:
        """Measure channels at the same time. This lasts as long as the longest aperture."""
        begin = self.now
        ends = [begin + self.units[index].configuration.aperture({}) for index in indices]
        self.sleep(call, max(ends))
        return [
            self.units[index].acquire({}, begin, end)
            for index, end in zip(indices, ends, strict=True)
        ]

    def fetch(self, index: int, count: int, timeout: float, call: Call) -> list[Record]:
        """Return measurements that the channel's engine made, oldest first.

        A channel that is not wired repeats its last one after the end of its measurements, as
        NI's simulation does.

        Raises:
            DriverError: The channel made fewer measurements within `timeout` seconds.
        """
        unit = self.units[index]

        def poll(now: float) -> float | None:
            if unit.engine is None:
                return math.inf
            again = unit.due()
            repeats = unit.engine.finished and not unit.wired
            enough = min(count, 1) if repeats else count
            return None if len(unit.engine.records) >= enough else again

        if not self.wait(call, poll, self.now + timeout) or unit.engine is None:
            raise DriverError(ERRORS.TIMEOUT)
        records = unit.engine.records
        taken = [records.popleft() for _ in range(min(count, len(records)))]
        return taken + taken[-1:] * (count - len(taken))

    def require_lcr(self, indices: Sequence[int]) -> None:
        """Raise DriverError if the model does not measure impedances, or is not in LCR mode."""
        for index in indices:
            if (
                "lcr" not in self.model.features
                or self.get("instrument_mode", index) != InstrumentMode.LCR.value
            ):
                raise DriverError(ERRORS.OPERATION_NOT_SUPPORTED)

    def each(self, indices: Sequence[int], action: Callable[[Channel], None]) -> None:
        """Call a function for each of several channels."""
        for index in indices:
            action(self.units[index])
