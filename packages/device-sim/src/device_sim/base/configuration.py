"""Keep the attribute values of a session, of its instruments and of its channels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from device_sim.base.attributes import Attribute, AttributeStore, AttributeTable, Scope, Value
from device_sim.base.capabilities import Capability
from device_sim.base.channels import ChannelList
from device_sim.base.models import next_up
from device_sim.errors import INVALID_VALUE, READING_FILE_FAILED, DriverError

_FORMAT = "device_sim"
CONFIGURATION_BEGIN = json.dumps({_FORMAT: 1}, indent=1)[:-2].encode()
"""The first bytes of every exported configuration."""


class Configuration:
    """The attributes of one channel: its own and those that it shares.

    A subclass adds the rules of a driver with `compute`, `steps_for`, `coerce` and `store`.

    Args:
        model: The model of its instrument.
        table: The driver's attributes.
        own: The values of the channel.
        instrument: The values of its instrument.
        session: The values of its session.
    """

    def __init__(
        self,
        model: Any,
        table: AttributeTable,
        own: AttributeStore,
        instrument: AttributeStore,
        session: AttributeStore,
    ) -> None:
        self.model = model
        self.table = table
        self.own = own
        self._stores = {Scope.CHANNEL: own, Scope.INSTRUMENT: instrument, Scope.SESSION: session}

    def compute(self, name: str) -> Value | None:
        """Return the value of an attribute that is not stored, None for a stored one."""
        return None

    def steps_for(self, steps: str) -> Iterable[float]:
        """Return the ascending values that the hardware has, by the name of their steps."""
        found: Sequence[float] = self.model.steps[steps]
        return found

    def coerce(self, attribute: Attribute, value: Value) -> Value:
        """Return the value that the hardware uses for `value`, which has the attribute's type.

        Raises:
            DriverError: The hardware has no such value.
        """
        if attribute.name in self.model.limits:
            low, high = self.model.limits[attribute.name]
            if not low <= float(value) <= high:
                raise refuse(attribute.name, value)
        if not attribute.steps or value in attribute.specials:
            return value
        step = next_up(self.steps_for(attribute.steps), float(value))
        if step is None:
            raise refuse(attribute.name, value)
        return step

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


def refuse(name: str, value: Value) -> DriverError:
    """Return the error for a value that an attribute cannot have."""
    return DriverError(INVALID_VALUE, f"Attribute: {name}\nRequested Value: {value}")


class SessionAttributes:
    """All attribute values of one session.

    Args:
        table: The driver's attributes.
        model: The model of its instruments.
        channels: The channels in the session.
        capabilities: The named repeated capabilities of its instruments.
        defaults: The values after a reset that differ from the table's, by attribute name.
        configuration: The class of the configuration of a channel.
    """

    def __init__(
        self,
        table: AttributeTable,
        model: Any,
        channels: ChannelList,
        capabilities: Mapping[str, Capability],
        defaults: Mapping[str, Value],
        configuration: type[Configuration],
    ) -> None:
        self.table = table
        self._own = AttributeStore(defaults)
        self._of_instruments = {name: AttributeStore(defaults) for name in channels.devices}
        self.named = {
            f"{space} {name}": AttributeStore(defaults)
            for space, capability in capabilities.items()
            for name in capability.names
        }
        """The values of each named repeated capability."""
        self.channels: list[Any] = [
            configuration(
                model,
                table,
                AttributeStore(defaults),
                self._of_instruments[channel.device],
                self._own,
            )
            for channel in channels.channels
        ]
        """The configuration of each channel, in the session's order."""

    @property
    def _stores(self) -> list[AttributeStore]:
        shared = [self._own, *self._of_instruments.values(), *self.named.values()]
        return [*shared, *(configuration.own for configuration in self.channels)]

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
        chosen = self._stores if indices is None else [self.channels[i].own for i in indices]
        for store in chosen:
            store.reset()

    def export(self, model: str) -> bytes:
        """Return all values that differ from their defaults. `take_over` reads them."""
        values = [store.changed for store in self._stores]
        return json.dumps({_FORMAT: 1, "model": model, "values": values}, indent=1).encode()

    def take_over(self, exported: bytes) -> None:
        """Set the values of an export. All other attributes get their defaults.

        Raises:
            DriverError: Another program exported it, or a session with other channels.
        """
        try:
            content: dict[str, Any] = json.loads(exported)
            pairs = list(zip(self._stores, content["values"], strict=True))
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
