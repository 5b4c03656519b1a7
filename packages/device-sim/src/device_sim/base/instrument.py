"""A session of any driver: its channels, attributes, lock and last error."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device_sim.base.attributes import Attribute, AttributeStore, AttributeTable, Scope, Value
from device_sim.base.channels import ChannelList
from device_sim.base.files import FileRoots
from device_sim.base.options import Options
from device_sim.call import Call, check_active, wake_on_end
from device_sim.clock import Clock
from device_sim.errors import (
    CHANNEL_NAME_NOT_ALLOWED,
    READING_FILE_FAILED,
    DriverError,
)

if TYPE_CHECKING:
    from device_sim.bench import Bench


_FORMAT = "device_sim"
CONFIGURATION_BEGIN = json.dumps({_FORMAT: 1}, indent=1)[:-2].encode()
"""How every exported configuration begins."""

_LONGEST_WAIT = 1e6  # Seconds; what clients ask for beyond that is for ever.


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session finds in the server that it lives in."""

    clock: Clock
    """Where time comes from."""

    bench: Bench
    """What the instruments are wired to."""

    files: FileRoots
    """The files that clients may name."""


class InstrumentSession:
    """The state of one driver session, shared by all clients that know its name.

    Calls run one at a time, under `lock`, which all sessions of a server share because they share
    the bench; a call that waits lets others in. Each begins with the timeline at the present.
    Subclasses say what is particular to a driver by `compute`, `combine`, `coerce` and `changed`.

    Args:
        table: The driver's attributes.
        channels: The channels in the session.
        options: The client's option string.
        surroundings: Clock and bench.
        defaults: Values after a reset that this model has of its own, by attribute name.
    """

    model: str
    """The model's number, for example `4141`."""

    def __init__(
        self,
        table: AttributeTable,
        channels: ChannelList,
        options: Options,
        surroundings: Surroundings,
        defaults: Mapping[str, Value],
    ) -> None:
        self.table = table
        self.channels = channels
        self.options = options
        self.clock = surroundings.clock
        self.bench = surroundings.bench
        self.files = surroundings.files
        self.timeline = surroundings.bench.timeline
        self.lock = threading.Condition(self.timeline.lock)
        self.error: tuple[int, str] = (0, "")
        self.own = AttributeStore(defaults)
        self.per_instrument = {name: AttributeStore(defaults) for name in channels.devices}
        self.per_channel = [AttributeStore(defaults) for _ in channels.channels]
        self.catch_up()

    # What drivers override.

    def compute(self, attribute: Attribute, index: int) -> Value | None:
        """The value of an attribute that is not stored, or None to take the stored one."""
        return None

    def combine(self, attribute: Attribute, indices: Sequence[int]) -> Value:
        """The value that several channels have together: that of the first, if nothing is said."""
        return self.get(attribute.name, indices[0])

    def coerce(self, attribute: Attribute, index: int, value: Value) -> Value:
        """The value that the hardware would take for `value` (already checked for its type)."""
        return value

    def changed(self, attribute: Attribute, indices: Sequence[int]) -> None:
        """Act on an attribute that was just written; `indices` are those of the channels."""

    def check_supported(self, attribute: Attribute) -> None:
        """Raise DriverError if this model does not have the attribute."""

    def close(self) -> None:
        """End what the session has going on in the device; the output stays as it is."""

    # Attributes.

    def get(self, name: str, index: int = 0) -> Value:
        """The value of the attribute `name` of the channel with this index."""
        attribute = self.table[name]
        computed = self.compute(attribute, index)
        return self._store(attribute, index)[attribute] if computed is None else computed

    def number(self, name: str, index: int = 0) -> float:
        """As `get`, for numbers."""
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
        self._write(attribute, self._indices(attribute, channel_name), value)

    def set(self, name: str, value: Value, channel_name: str = "") -> None:
        """Write the attribute `name`, as a client would."""
        attribute = self.table[name]
        self.set_attribute(channel_name, attribute.id, attribute.kind, value)

    def _write(self, attribute: Attribute, indices: Sequence[int], value: Value) -> None:
        value = attribute.check(value)
        taken = [self.coerce(attribute, index, value) for index in indices]
        for index, coerced in zip(indices, taken, strict=True):
            self._store(attribute, index)[attribute] = coerced
        self.changed(attribute, indices)

    def _store(self, attribute: Attribute, index: int) -> AttributeStore:
        if attribute.scope is Scope.CHANNEL:
            return self.per_channel[index]
        if attribute.scope is Scope.INSTRUMENT:
            return self.per_instrument[self.channels.channels[index].device]
        return self.own

    def _indices(self, attribute: Attribute, channel_name: str) -> list[int]:
        """Channels that stand for what `channel_name` names in this attribute's scope."""
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
        """Indices of the channels that a client names; the name of an instrument is all of it."""
        devices = self.channels.select_devices(channel_name)
        if devices is None:
            return self.channels.select(channel_name)
        return [i for i, c in enumerate(self.channels.channels) if c.device in devices]

    def reset_attributes(self, indices: Sequence[int] | None = None) -> None:
        """Give the channels' attributes, or with None all attributes, their defaults."""
        if indices is None:
            for store in (self.own, *self.per_instrument.values(), *self.per_channel):
                store.reset()
        else:
            for index in indices:
                self.per_channel[index].reset()

    # Import and export.

    def export_configuration(self) -> bytes:
        """All values that differ from their defaults, for `import_configuration`."""
        content = {
            _FORMAT: 1,
            "model": self.model,
            "session": self.own.changed,
            "instruments": [store.changed for store in self.per_instrument.values()],
            "channels": [store.changed for store in self.per_channel],
        }
        return json.dumps(content, indent=1).encode()

    def import_configuration(self, configuration: bytes) -> None:
        """Take over the values of an exported configuration; all others get their defaults.

        Raises:
            DriverError: It was not exported here, or by a session of another shape.
        """
        try:
            content: dict[str, Any] = json.loads(configuration)
            stores = [
                (self.own, content["session"]),
                *zip(self.per_instrument.values(), content["instruments"], strict=True),
                *zip(self.per_channel, content["channels"], strict=True),
            ]
            for _, values in stores:
                for name, value in values.items():
                    self.table[name].check(value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DriverError(
                READING_FILE_FAILED,
                "The configuration was not exported by a session with the same instruments "
                f"and channels ({error}).",
            ) from error
        self.reset_attributes()
        for store, values in stores:
            store.changed.update(values)
        for attribute in self.table:
            if attribute.scope is Scope.CHANNEL:
                self.changed(attribute, range(len(self.channels)))

    # Time.

    def catch_up(self) -> None:
        """Let happen what is due by now on all instruments, before a call asks or changes."""
        self.timeline.advance(self.clock.now())

    def wait(
        self,
        call: Call,
        poll: Callable[[float], float | None],
        deadline: float = float("inf"),
    ) -> bool:
        """Let time pass until `poll` is content; other calls on the session run meanwhile.

        Args:
            call: Who waits; if it is cancelled the wait ends at once.
            poll: Given the time, returns None to end the wait, else when to ask again.
            deadline: When to give up.

        Returns:
            Whether `poll` was content in time.

        Raises:
            CallCancelledError: The caller has gone.
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
        """Let time pass until the clock shows `until`."""
        self.wait(call, lambda now: None if now >= until else until)
