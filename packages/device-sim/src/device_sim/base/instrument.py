"""A session of any driver: its channels, attributes, lock and last error."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

from device_sim.base.attributes import Attribute, AttributeStore, AttributeTable, Scope, Value
from device_sim.base.capabilities import Capability
from device_sim.base.channels import ChannelList
from device_sim.base.configuration import Configuration, SessionAttributes
from device_sim.base.files import FileRoots
from device_sim.base.options import Options
from device_sim.base.overview import ChannelState, DeviceFacts
from device_sim.base.script import Activity
from device_sim.base.waiting import Poll, Waiting
from device_sim.call import Call
from device_sim.clock import Clock
from device_sim.errors import (
    ATTRIBUTE_NOT_SUPPORTED,
    CHANNEL_NAME_NOT_ALLOWED,
    DriverError,
    ErrorCode,
)

if TYPE_CHECKING:
    from device_sim.bench import Bench


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of a server that its sessions use."""

    clock: Clock
    """The clock."""

    bench: Bench
    """The wiring of the instruments."""

    files: FileRoots
    """The files that clients may use."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The facts about a session that a client opens."""

    package: str
    """NI's Python package."""

    table: AttributeTable
    """The driver's attributes."""

    capabilities: Mapping[str, Capability]
    """The named repeated capabilities."""

    missing_feature: ErrorCode
    """The error for a call that the model does not have."""

    model: Any
    """The model of all instruments in the session."""

    channels: ChannelList
    """The channels in it."""

    style: str
    """The style of its resource name, such as `independent`; see resources."""

    resource: str
    """The resource name that the client gave."""

    options: Options
    """The client's option string."""

    surroundings: Surroundings
    """Clock, bench and files of the server."""


class InstrumentSession:
    """The state of one driver session, shared by all clients that know its name.

    Calls run one at a time, under `lock`. All sessions of a server share it, because they share the
    bench. A waiting call lets others run. Each call first brings the timeline to the present. A
    subclass adds the rules of a driver with the methods that drivers override, and with the class
    of the configurations of its channels.

    Args:
        opening: The facts about the session.
    """

    configuration_class: type[Configuration] = Configuration
    """The class of the configuration of each channel."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self.model = opening.model
        self.table = opening.table
        self.channels = opening.channels
        self.attributes = SessionAttributes(
            opening.table,
            opening.model,
            opening.channels,
            opening.capabilities,
            _defaults(opening),
            self.configuration_class,
        )
        self.clock = opening.surroundings.clock
        self.bench = opening.surroundings.bench
        self.files = opening.surroundings.files
        self.timeline = self.bench.timeline
        self.lock = threading.Condition(self.timeline.lock)
        self._waiting = Waiting(self.clock, self.timeline, self.lock)
        self.error: tuple[int, str] = (0, "")
        self._listens = False
        self.catch_up()

    # Methods that drivers override.

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """Return the common value of several channels, by default that of the first."""
        return self.get(attribute.name, indices[0])

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """React to an attribute that was just written on the channels with these indices."""

    def select_for_flow(self, channel_name: str) -> list[int]:
        """Return the channels of a call of the programming flow, such as initiate."""
        return self.select(channel_name)

    def initiate(self, indices: Sequence[int]) -> None:
        """Start the activity of some channels."""

    def abort(self, indices: Sequence[int]) -> None:
        """Stop the activity of some channels. Their outputs stay as they are."""

    def commit(self, indices: Sequence[int]) -> None:
        """Check the attributes of some channels against each other, before an initiate."""

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Stop some channels and set their attributes to the defaults; with None all attributes."""
        self.attributes.reset(indices)

    def disable(self) -> None:
        """Stop the session's activity and make its outputs harmless."""

    def close(self) -> None:
        """Stop the session's activity in the device."""

    def describe(self, index: int) -> ChannelState:
        """Return the state of the channel with this index, for people who look at the bench."""
        return ChannelState()

    # The overview.

    @property
    def model_name(self) -> str:
        """The name of the model of all instruments in the session."""
        return str(self.get("instrument_model"))

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The channels, in order."""
        return self.channels.names

    @property
    def instruments(self) -> list[DeviceFacts]:
        """The instruments."""
        vendor = str(self.get("instrument_manufacturer"))
        serial = str(self.get("serial_number"))
        return [
            DeviceFacts(device, self.model_name, vendor, serial) for device in self.channels.devices
        ]

    def overview(self) -> Iterator[tuple[str, ChannelState]]:
        """Yield the full name and the state of each channel."""
        for index, channel in enumerate(self.channels.channels):
            yield channel.qualified, self.describe(index)

    # Features and attributes.

    def require(self, feature: str) -> None:
        """Raise DriverError if the model does not have a feature."""
        if feature not in self.model.features:
            raise DriverError(self._opening.missing_feature)

    def check_supported(self, attribute: Attribute) -> None:
        """Raise DriverError if this model does not have the attribute."""
        if attribute.name in self.model.lacks:
            raise DriverError(
                ATTRIBUTE_NOT_SUPPORTED,
                f"Attribute: {attribute.name}\nModel: {self.get('instrument_model')}",
            )

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
        if attribute.scope is Scope.NAMED:
            return self._named(attribute, channel_name)[0][attribute]
        return self.combine(attribute, self._indices(attribute, channel_name))

    def set_attribute(self, channel_name: str, attribute_id: int, kind: str, value: Value) -> None:
        """Write an attribute for a client, on every channel that it names."""
        attribute = self.table.writable(attribute_id, kind)
        self.check_supported(attribute)
        if attribute.scope is Scope.NAMED:
            value = attribute.check(value)
            for store in self._named(attribute, channel_name):
                store[attribute] = value
            return
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

    def _named(self, attribute: Attribute, name: str) -> list[AttributeStore]:
        """Return the values of each owner of the attribute that `name` names."""
        capability = self._opening.capabilities[attribute.capability]
        found = capability.select(name)
        return [self.attributes.named[f"{attribute.capability} {one}"] for one in found]

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

    @property
    def now(self) -> float:
        """The time of the running call: everything due by then has run on all instruments.

        A call does all it does at this time, however long it takes to compute. At a later one, it
        could change the bench before a part of another instrument that was due earlier.
        """
        return self.timeline.now

    def loses_trigger(self, at: float, device: str = "") -> bool:
        """Return whether a fault keeps a trigger from coming to an instrument at a time.

        Args:
            at: The time.
            device: The instrument; empty for the first one of the session.
        """
        device = device or self.channels.devices[0]
        return bool(self.bench.faults.disturbances("lose_triggers", device, at))

    def listen(
        self,
        activity: Activity,
        trigger: Enum,
        terminal: str,
        *,
        rising: bool = True,
        device: str = "",
    ) -> None:
        """Trigger an activity on the timeline by edges on a terminal.

        Args:
            activity: The activity.
            trigger: Its trigger.
            terminal: The terminal, as a client writes it.
            rising: The edge.
            device: The instrument; empty for the first one of the session.
        """
        from device_sim.bench import Ear

        device = device or self.channels.devices[0]
        name = self.terminal(terminal, device)
        if name:
            self._listens = True
            is_deaf = partial(self.loses_trigger, device=device)
            self.bench.bus.listen(Ear(activity, trigger, name, rising, is_deaf))

    def terminal(self, text: str, device: str = "") -> str:
        """Return the one name of a terminal that a client names; empty if it names none."""
        from device_sim.bench import terminal_name  # with numpy, which takes long to import

        return terminal_name(text, device or self.channels.devices[0])

    def catch_up(self) -> None:
        """Run everything that is due by now on all instruments. A call does this first."""
        self.timeline.advance(self.clock.now())

    def wait(
        self,
        call: Call,
        poll: Poll,
        deadline: float = float("inf"),
    ) -> bool:
        """Wait until `poll` returns None. Other calls on the session run meanwhile.

        Args:
            call: The waiting call. If it is cancelled, the wait ends at once.
            poll: Says whether the wait is over.
            deadline: The latest end of the wait.

        Returns:
            True if `poll` ended the wait, False at the deadline.

        Raises:
            CallCancelledError: The caller disconnected or cancelled.
        """
        return self._waiting.wait(call, poll, deadline, listens=lambda: self._listens)

    def sleep(self, call: Call, until: float) -> None:
        """Wait until the clock shows `until`."""
        self.wait(call, lambda now: None if now >= until else until)


def _defaults(opening: Opening) -> dict[str, Value]:
    """Return the values after a reset that differ from the driver's own."""
    return {
        "channel_count": len(opening.channels),
        "driver_setup": opening.options.driver_setup,
        "instrument_firmware_revision": "simulated",
        "instrument_manufacturer": "National Instruments",
        "instrument_model": opening.model.full_name,
        "io_resource_descriptor": opening.resource,
        "serial_number": "0",
        "simulate": True,
        "specific_driver_revision": f"Driver: device-sim for {_version(opening.package)}",
        "specific_driver_vendor": "National Instruments",
        **opening.model.defaults,
    }


@cache
def _version(package: str) -> str:
    return f"{package} {metadata.version(package)}"
