"""Divide the connections of a pin map into driver sessions.

NI's public client packages and their tests show the rules: the channels that share a session, its
resource name, its channel list and their order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from platform_sim.pin_map.instrument_types import InstrumentType, SessionScope, instrument_type
from platform_sim.pin_map.model import SYSTEM_SITE, Connection, Instrument, PinMap

_LIST_SEPARATOR = ", "


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One pin or relay on one site, mapped to a channel of a session."""

    leaf: str
    """Name of the pin or relay."""
    site: int
    """Site number, SYSTEM_SITE for system pins and relays."""
    channel: str
    """The channel, written as in the channel list."""
    multiplexer: str
    """Name of the multiplexer in between, "" for none."""
    route: str
    """Route through the multiplexer."""


@dataclass(frozen=True, slots=True)
class SessionLayout:
    """A driver session, and the requested part of it."""

    type_id: str
    """Instrument type id."""
    resource_name: str
    """The channels that the driver opens: every connected channel of the session."""
    channel_list: str
    """The channels that were requested."""
    rows: tuple[Row, ...]
    """Mapping of channels to pins and sites, in the order of the channel list."""

    @property
    def session_name(self) -> str:
        """Name of the session in session management and in the device server."""
        if instrument_type(self.type_id).has_plain_session_name:
            return self.resource_name
        return f"{self.type_id}-{self.resource_name}"


class SessionPartition:
    """All sessions of a pin map, computed once. `select` returns those of a request."""

    def __init__(self, pin_map: PinMap) -> None:
        order = {instrument.name: i for i, instrument in enumerate(pin_map.instruments)}
        connections: dict[tuple[str, str], list[Connection]] = {}
        for instrument in pin_map.instruments:  # sessions have the order of their instruments
            for key in _possible_keys(instrument):
                connections.setdefault(key, [])
        for connection in pin_map.connections:
            instrument = pin_map.instrument_by_name[connection.instrument]
            connections[_session_key(instrument, connection.channel)].append(connection)
        self._sessions = [
            _Session(pin_map, key, members, order)
            for key, members in connections.items()
            if members
        ]

    def select(
        self, leaves: Sequence[str], sites: Collection[int], type_id: str = ""
    ) -> list[SessionLayout]:
        """Return the sessions for some pins and relays on some sites.

        Args:
            leaves: Names of pins and relays, in the order of the request.
            sites: Site numbers. System pins and relays are always included.
            type_id: Return only sessions of this instrument type, "" for all.
        """
        rank = {leaf: i for i, leaf in enumerate(leaves)}
        wanted_sites = {SYSTEM_SITE, *sites}
        layouts = (
            session.select(rank, wanted_sites)
            for session in self._sessions
            if type_id in ("", session.kind.type_id)
        )
        return [layout for layout in layouts if layout is not None]


class _Session:
    """One session with all its rows in channel order."""

    def __init__(
        self,
        pin_map: PinMap,
        key: tuple[str, str],
        connections: list[Connection],
        order: dict[str, int],
    ) -> None:
        self.kind: InstrumentType = instrument_type(key[0])
        members = [one for one in pin_map.instruments if key in _possible_keys(one)]
        is_qualified = self.kind.scope is SessionScope.CHANNEL_GROUP or len(members) > 1
        connections = sorted(
            connections,
            key=lambda one: (
                order[one.instrument],
                _channel_key(pin_map.instrument_by_name[one.instrument], one.channel),
            ),
        )
        self._rows = tuple(
            _row(self.kind, one, site, is_qualified) for one in connections for site in one.sites
        )
        if self.kind.scope is SessionScope.CHANNEL_GROUP:
            channels = (f"{one.instrument}/{one.channel}" for one in connections)
            self._resource_name = _LIST_SEPARATOR.join(dict.fromkeys(channels))
        else:
            self._resource_name = _LIST_SEPARATOR.join(member.name for member in members)

    def select(self, rank: dict[str, int], sites: Collection[int]) -> SessionLayout | None:
        rows: Iterable[Row] = [row for row in self._rows if row.leaf in rank and row.site in sites]
        if not rows:
            return None
        if self.kind.names_channels_by_pin:
            rows = sorted(rows, key=lambda row: (row.site == SYSTEM_SITE, row.site, rank[row.leaf]))
        return SessionLayout(
            type_id=self.kind.type_id,
            resource_name=self._resource_name,
            channel_list=_LIST_SEPARATOR.join(dict.fromkeys([row.channel for row in rows])),
            rows=tuple(rows),
        )


def _row(kind: InstrumentType, connection: Connection, site: int, is_qualified: bool) -> Row:
    if kind.names_channels_by_pin:
        channel = connection.leaf if site == SYSTEM_SITE else f"site{site}/{connection.leaf}"
    elif is_qualified:
        channel = f"{connection.instrument}/{connection.channel}"
    else:
        channel = connection.channel
    return Row(connection.leaf, site, channel, connection.multiplexer, connection.route)


def _session_key(instrument: Instrument, channel: str) -> tuple[str, str]:
    """Return the key that all channels of one session share."""
    scope = instrument_type(instrument.type_id).scope
    if scope is SessionScope.CHANNEL_GROUP:
        for group in instrument.channel_groups:
            if not group.channels or channel in group.channels:
                return instrument.type_id, f"group {group.name}"
    elif scope is SessionScope.INSTRUMENT_GROUP and instrument.group:
        return instrument.type_id, f"group {instrument.group}"
    return instrument.type_id, f"instrument {instrument.name}"


def _possible_keys(instrument: Instrument) -> list[tuple[str, str]]:
    if instrument_type(instrument.type_id).scope is SessionScope.CHANNEL_GROUP:
        names = [f"group {group.name}" for group in instrument.channel_groups]
        return [(instrument.type_id, name) for name in (*names, f"instrument {instrument.name}")]
    return [_session_key(instrument, "")]


def _channel_key(instrument: Instrument, channel: str) -> tuple[object, ...]:
    """Return a key for the order of channels: as declared, or by the numbers in the name."""
    if channel in instrument.channels:
        return (0, instrument.channels.index(channel))
    parts = re.split(r"(\d+)", channel)
    return (1, [(int(part), "") if part.isdigit() else (-1, part) for part in parts])
