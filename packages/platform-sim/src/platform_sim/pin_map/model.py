"""The data of a pin map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

SYSTEM_SITE = -1
"""Site number of system pins and system relays."""


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Channels of one DC power instrument. They share a session with groups of the same name."""

    name: str
    """Name of the group."""
    channels: tuple[str, ...] = ()
    """Its channels; empty for all channels of the instrument."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument, DAQmx task or relay driver module."""

    name: str
    """Resource name; free text for custom instruments."""
    type_id: str
    """Instrument type id, such as niDCPower."""
    number_of_channels: int | None = None
    """Number of channels or control lines, None if the element does not give it."""
    drives_relays: bool = False
    """True for a DAQmx task that is also a relay driver module."""
    group: str = ""
    """Group of instruments that share a session."""
    channel_groups: tuple[ChannelGroup, ...] = ()
    """Channel groups of a DC power instrument."""
    channels: tuple[str, ...] = ()
    """Declared channels: of a custom instrument, or a DAQmx task's channel list."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Multiplexer:
    """A switch between pins and an instrument channel."""

    name: str
    """Resource name."""
    type_id: str = ""
    """User-defined type."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A pin or a relay."""

    name: str
    """Name, unique among pins, relays and groups."""
    is_system: bool = False
    """True for a pin or relay that belongs to no site."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Group:
    """A pin group or relay group."""

    name: str
    """Name, unique among pins, relays and groups."""
    references: tuple[str, ...] = ()
    """Names of members: pins or relays, or other groups."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A pin or relay wired to a channel."""

    leaf: str
    """Name of the pin or relay."""
    sites: tuple[int, ...]
    """Sites that share this connection, (SYSTEM_SITE,) for a system pin or relay."""
    instrument: str
    """Name of the instrument, task or relay driver module."""
    channel: str
    """Channel or control line."""
    multiplexer: str = ""
    """Name of the multiplexer in between, "" for none."""
    route: str = ""
    """Route through the multiplexer."""
    is_relay: bool = False
    """True for a relay's connection."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An element or attribute that this package does not know."""

    element: str
    """The element, or the element of the attribute."""
    parent: str
    """The parent element."""
    attribute: str = ""
    """The attribute, "" for an element."""
    name: str = ""
    """The value of the element's name attribute."""
    meant: str = ""
    """The known name that the author probably meant, "" if there is none."""
    line: int = 0
    """Line in the file."""


@dataclass(frozen=True)
class PinMap:
    """A whole pin map, in document order."""

    instruments: tuple[Instrument, ...] = ()
    """Instruments, tasks and relay driver modules."""
    multiplexers: tuple[Multiplexer, ...] = ()
    """Multiplexers."""
    pins: tuple[Leaf, ...] = ()
    """DUT pins and system pins."""
    pin_groups: tuple[Group, ...] = ()
    """Pin groups."""
    relays: tuple[Leaf, ...] = ()
    """Site relays and system relays."""
    relay_groups: tuple[Group, ...] = ()
    """Relay groups."""
    sites: tuple[int, ...] = ()
    """Site numbers."""
    connections: tuple[Connection, ...] = ()
    """All connections that can be used; each route of a multiplexed connection is one."""
    unusable_connections: tuple[Connection, ...] = ()
    """Connections of an unknown element. They belong to no session."""
    unknown: tuple[Unknown, ...] = ()
    """Elements and attributes that this package does not know."""
    schema_version: str = ""
    """schemaVersion attribute."""

    @cached_property
    def instrument_by_name(self) -> dict[str, Instrument]:
        """Instruments by name."""
        return {instrument.name: instrument for instrument in self.instruments}

    @cached_property
    def unknown_by_name(self) -> dict[str, Unknown]:
        """Unknown elements by name."""
        return {one.name: one for one in self.unknown if one.name}

    @cached_property
    def multiplexer_by_name(self) -> dict[str, Multiplexer]:
        """Multiplexers by name."""
        return {multiplexer.name: multiplexer for multiplexer in self.multiplexers}

    @cached_property
    def pin_by_name(self) -> dict[str, Leaf]:
        """Pins by name."""
        return {pin.name: pin for pin in self.pins}

    @cached_property
    def relay_by_name(self) -> dict[str, Leaf]:
        """Relays by name."""
        return {relay.name: relay for relay in self.relays}

    @cached_property
    def leaf_by_name(self) -> dict[str, Leaf]:
        """Pins and relays by name, pins first."""
        return {**self.pin_by_name, **self.relay_by_name}

    @cached_property
    def group_by_name(self) -> dict[str, Group]:
        """Pin groups and relay groups by name."""
        return {group.name: group for group in (*self.pin_groups, *self.relay_groups)}

    @cached_property
    def leaves_of_group(self) -> dict[str, tuple[str, ...]]:
        """The distinct pins or relays of each group, nested groups resolved."""
        return {name: tuple(self._resolve(name, set())) for name in self.group_by_name}

    def _resolve(self, name: str, seen: set[str]) -> dict[str, None]:
        """Return the leaves under a name in order. A group that contains itself counts once."""
        group = self.group_by_name.get(name)
        if group is None:
            return {name: None}
        if name in seen:
            return {}
        seen.add(name)
        leaves: dict[str, None] = {}
        for reference in group.references:
            leaves.update(self._resolve(reference, seen))
        return leaves
