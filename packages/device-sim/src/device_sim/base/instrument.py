"""A session of any driver: its channels, attributes, lock and last error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device_sim.base.attributes import Attribute, Scope, Value
from device_sim.base.channels import ChannelList
from device_sim.base.configuration import SessionAttributes
from device_sim.base.files import FileRoots
from device_sim.base.options import Options
from device_sim.call import Call, check_active, wake_on_end
from device_sim.clock import Clock
from device_sim.errors import CHANNEL_NAME_NOT_ALLOWED, DriverError

if TYPE_CHECKING:
    from device_sim.bench import Bench


_LONGEST_WAIT = 1e6  # Seconds; a longer wait has no end.


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of a server that its sessions use."""

    clock: Clock
    """The clock."""

    bench: Bench
    """The wiring of the instruments."""

    files: FileRoots
    """The files that clients may use."""


class InstrumentSession:
    """The state of one driver session, shared by all clients that know its name.

    Calls run one at a time, under `lock`. All sessions of a server share it, because they share the
    bench. A waiting call lets others run. Each call first brings the timeline to the present. A
    subclass adds the rules of a driver with `combine`, `changed` and `check_supported`, and with
    the configurations of its channels.

    Args:
        attributes: The values of all attributes.
        channels: The channels in the session.
        options: The client's option string.
        surroundings: Clock and bench.
    """

    model: str
    """The model's number, for example `4141`."""

    def __init__(
        self,
        attributes: SessionAttributes[Any],
        channels: ChannelList,
        options: Options,
        surroundings: Surroundings,
    ) -> None:
        self.attributes = attributes
        self.table = attributes.table
        self.channels = channels
        self.options = options
        self.clock = surroundings.clock
        self.bench = surroundings.bench
        self.files = surroundings.files
        self.timeline = surroundings.bench.timeline
        self.lock = threading.Condition(self.timeline.lock)
        self.error: tuple[int, str] = (0, "")
        self.catch_up()

    # Methods that drivers override.

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the common value of several channels, by default that of the first."""
        return self.get(attribute.name, indices[0])

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """React to an attribute that was just written on the channels with these indices."""

    def check_supported(self, attribute: Attribute) -> None:
        """Raise DriverError if this model does not have the attribute."""

    def close(self) -> None:
        """Stop the session's activity in the device. Its outputs stay as they are."""

    # Attributes.

    def get(self, name: str, index: int = 0) -> Value:
        """Return the attribute `name` of the channel with this index."""
        value: Value = self.attributes.channels[index].get(name)
        return value

    def number(self, name: str, index: int = 0) -> float:
        """Return a numeric attribute, as `get` does."""
        return float(self.get(name, index))

    def get_attribute(self, channel_name: str, attribute_id: int, kind: str) -> Value:
        """Read an attribute for a client."""
        attribute = self.table.get(attribute_id, kind)
        self.check_supported(attribute)
        return self.combine(attribute, self._indices(attribute, channel_name))

    def set_attribute(self, channel_name: str, attribute_id: int, kind: str, value: Value) -> None:
        """Write an attribute for a client, on every channel that it names."""
        attribute = self.table.writable(attribute_id, kind)
        self.check_supported(attribute)
        indices = self._indices(attribute, channel_name)
        self.changed(attribute, self.attributes.write(attribute, indices, value))

    def set(self, name: str, value: Value, channel_name: str = "") -> None:
        """Write the attribute `name`, as a client would."""
        attribute = self.table[name]
        self.set_attribute(channel_name, attribute.id, attribute.kind, value)

    def _indices(self, attribute: Attribute, channel_name: str) -> list[int]:
        """Return one channel for each owner of the attribute that `channel_name` names."""
        if attribute.scope is Scope.CHANNEL:
            return self.select(channel_name)
        if attribute.scope is Scope.INSTRUMENT:
            devices = self.channels.select_devices(channel_name)
        else:
            devices = None if channel_name.strip() else list(self.channels.devices)
        if devices is None:
            raise DriverError(
                CHANNEL_NAME_NOT_ALLOWED,
                f"Attribute: {attribute.name}\nChannel or repeated capability: {channel_name}",
            )
        of = [channel.device for channel in self.channels.channels]
        return [of.index(device) for device in devices]

    def select(self, channel_name: str) -> list[int]:
        """Return the indices of the channels that a client names, by channel or instrument."""
        devices = self.channels.select_devices(channel_name)
        if devices is None:
            return self.channels.select(channel_name)
        return [i for i, c in enumerate(self.channels.channels) if c.device in devices]

    def import_configuration(self, exported: bytes) -> None:
        """Set the values of an exported configuration. All other attributes get their defaults.

        Raises:
            DriverError: Another program exported it, or a session with other channels.
        """
        self.attributes.take_over(exported)
        for attribute in self.table:
            if attribute.scope is Scope.CHANNEL:
                self.changed(attribute, range(len(self.channels)))

    # Time.

    def catch_up(self) -> None:
        """Run everything that is due by now on all instruments. A call does this first."""
        self.timeline.advance(self.clock.now())

    def wait(
        self,
        call: Call,
        poll: Callable[[float], float | None],
        deadline: float = float("inf"),
    ) -> bool:
        """Wait until `poll` returns None. Other calls on the session run meanwhile.

        Args:
            call: The waiting call. If it is cancelled, the wait ends at once.
            poll: Called with the time. It returns None to end the wait, or the time to ask again.
            deadline: The latest end of the wait.

        Returns:
            True if `poll` ended the wait, False at the deadline.

        Raises:
            CallCancelledError: The caller disconnected or cancelled.
        """
        if self._poll(poll, self.clock.now()) is None:
            return True
        deadline = min(deadline, self.clock.now() + _LONGEST_WAIT)
        wake_on_end(call, self.lock)
        while True:
            check_active(call)
            now = self.clock.now()
            again = self._poll(poll, now)
            if again is None or now >= deadline:
                return again is None
            self.clock.wait(self.lock, min(again, deadline) - now)

    def _poll(self, poll: Callable[[float], float | None], now: float) -> float | None:
        self.timeline.advance(now)
        return poll(now)

    def sleep(self, call: Call, until: float) -> None:
        """Wait until the clock shows `until`."""
        self.wait(call, lambda now: None if now >= until else until)
