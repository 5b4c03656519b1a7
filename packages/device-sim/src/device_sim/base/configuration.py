"""Keep the attribute values of a session, of its instruments and of its channels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from device_sim.base.attributes import Attribute, AttributeStore, AttributeTable, Scope, Value
from device_sim.base.channels import ChannelList
from device_sim.errors import READING_FILE_FAILED, DriverError

_FORMAT = "device_sim"
CONFIGURATION_BEGIN = json.dumps({_FORMAT: 1}, indent=1)[:-2].encode()
"""The first bytes of every exported configuration."""


class Configuration:
    """The attributes of one channel: its own and those that it shares.

    A subclass adds the rules of a driver with `compute`, `coerce` and `store`.

    Args:
        table: The driver's attributes.
        own: The values of the channel.
        instrument: The values of its instrument.
        session: The values of its session.
    """

    def __init__(
        self,
        table: AttributeTable,
        own: AttributeStore,
        instrument: AttributeStore,
        session: AttributeStore,
    ) -> None:
        self.table = table
        self.own = own
        self._stores = {Scope.CHANNEL: own, Scope.INSTRUMENT: instrument, Scope.SESSION: session}

    def compute(self, name: str) -> Value | None:
        """Return the value of an attribute that is not stored, None for a stored one."""
        return None

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the value that the hardware uses for `value`, which has the attribute's type.

        Raises:
            DriverError: The hardware has no such value.
        """
        return value

    def store(self, attribute: Attribute, value: Value) -> bool:
        """Store a coerced value. Return whether the channel uses it at once."""
        self.values_of(attribute)[attribute] = value
        return True

    def get(self, name: str) -> Value:
        """Return the value of an attribute."""
        computed = self.compute(name)
        if computed is not None:
            return computed
        attribute = self.table[name]
        return self.values_of(attribute)[attribute]

    def number(self, name: str) -> float:
        """Return the value of a numeric attribute."""
        return float(self.get(name))

    def is_set(self, name: str) -> bool:
        """Return whether an attribute was written after the last reset."""
        return name in self.values_of(self.table[name]).changed

    def values_of(self, attribute: Attribute) -> AttributeStore:
        """Return the values among which an attribute is stored."""
        return self._stores[attribute.scope]


C = TypeVar("C", bound=Configuration)
C_co = TypeVar("C_co", bound=Configuration, covariant=True)


class Configure(Protocol[C_co]):
    """Create the configuration of one channel. The arguments are those of Configuration."""

    def __call__(
        self,
        table: AttributeTable,
        own: AttributeStore,
        instrument: AttributeStore,
        session: AttributeStore,
    ) -> C_co:
        """Return the configuration."""
        ...


class SessionAttributes(Generic[C]):
    """All attribute values of one session.

    Args:
        table: The driver's attributes.
        channels: The channels in the session.
        defaults: The model's own values after a reset, by attribute name.
        configure: Create the configuration of a channel.
    """

    def __init__(
        self,
        table: AttributeTable,
        channels: ChannelList,
        defaults: Mapping[str, Value],
        configure: Configure[C],
    ) -> None:
        self.table = table
        self._own = AttributeStore(defaults)
        self._of_instruments = {name: AttributeStore(defaults) for name in channels.devices}
        self.channels: list[C] = [
            configure(
                table, AttributeStore(defaults), self._of_instruments[channel.device], self._own
            )
            for channel in channels.channels
        ]
        """The configuration of each channel, in the session's order."""

    def write(self, attribute: Attribute, indices: Sequence[int], value: Value) -> list[int]:
        """Write an attribute on all of several channels, or on none.

        Returns:
            The indices of the channels that use the value at once.

        Raises:
            DriverError: A channel does not allow the value.
        """
        value = attribute.check(value)
        taken = [(index, self.channels[index].coerce(attribute, value)) for index in indices]
        return [index for index, coerced in taken if self.channels[index].store(attribute, coerced)]

    def reset(self, indices: Sequence[int] | None = None) -> None:
        """Set the attributes of some channels, or with None all attributes, to their defaults."""
        if indices is None:
            for values in (self._own, *self._of_instruments.values()):
                values.reset()
            indices = range(len(self.channels))
        for index in indices:
            self.channels[index].own.reset()

    def export(self, model: str) -> bytes:
        """Return all values that differ from their defaults. `take_over` reads them."""
        content = {
            _FORMAT: 1,
            "model": model,
            "session": self._own.changed,
            "instruments": [values.changed for values in self._of_instruments.values()],
            "channels": [configuration.own.changed for configuration in self.channels],
        }
        return json.dumps(content, indent=1).encode()

    def take_over(self, exported: bytes) -> None:
        """Set the values of an export. All other attributes get their defaults.

        Raises:
            DriverError: Another program exported it, or a session with other channels.
        """
        own_values = [configuration.own for configuration in self.channels]
        try:
            content: dict[str, Any] = json.loads(exported)
            pairs = [
                (self._own, content["session"]),
                *zip(self._of_instruments.values(), content["instruments"], strict=True),
                *zip(own_values, content["channels"], strict=True),
            ]
            for _, values in pairs:
                for name, value in values.items():
                    self.table[name].check(value)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DriverError(
                READING_FILE_FAILED,
                "The configuration was not exported by a session with the same instruments "
                f"and channels ({error}).",
            ) from error
        self.reset()
        for store, values in pairs:
            store.changed.update(values)
