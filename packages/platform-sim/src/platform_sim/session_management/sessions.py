"""The core of session management: reservations, open sessions, and their combination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from platform_sim.errors import InvalidRequestError
from platform_sim.pin_map.model import PinMap
from platform_sim.pin_map.partition import SessionLayout
from platform_sim.pin_map.queries import expand_names, unknown_sites, unknown_sites_message
from platform_sim.pin_map.store import PinMapStore
from platform_sim.pin_map.validator import why_unusable
from platform_sim.session_management.open_sessions import OpenSession, OpenSessionTable
from platform_sim.session_management.reservations import Reservation, ReservationTable, Reserver

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session that is reserved or open."""

    name: str
    """Name of the session."""
    layout: SessionLayout | None
    """The channels that it was reserved for, None if there are none."""
    registered: OpenSession | None
    """Its registration, None if it is only reserved."""
    reservation: Reservation | None
    """Its reservation, None if it is only registered."""

    @property
    def type_id(self) -> str:
        """Instrument type id, "" if it is not known."""
        source = self.layout or self.registered
        return source.type_id if source else ""

    @property
    def resource_name(self) -> str:
        """The resource that the driver opens, "" if it is not known."""
        source = self.layout or self.registered
        return source.resource_name if source else ""

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of its registration and of its reservation."""
        return {
            **(self.registered.annotations if self.registered else {}),
            **(self.reservation.annotations if self.reservation else {}),
        }


@dataclass(frozen=True, slots=True)
class MultiplexerStatus:
    """A multiplexer session that is open or that a pin map names."""

    session: OpenSession
    """The session. It has no annotations if it is not open."""
    is_registered: bool
    """True if it is open."""


@dataclass(frozen=True, slots=True)
class ReservedSessions:
    """The sessions that a caller reserved."""

    sessions: list[SessionStatus]
    """Its sessions, each with the requested channels."""
    groups: dict[str, tuple[str, ...]]
    """Members of the requested groups."""
    multiplexers: list[MultiplexerStatus]
    """Multiplexer sessions between the pins and these channels."""


@dataclass(frozen=True, slots=True)
class _Selection:
    """The sessions of a pin map for some pins and relays."""

    layouts: list[SessionLayout]
    groups: dict[str, tuple[str, ...]]
    multiplexers: list[tuple[str, str]]
    """Names and types of the multiplexers in between."""


class SessionManagement:
    """The state of the service. It is not thread-safe: use it on one event loop."""

    def __init__(self, pin_maps: PinMapStore, clock: Callable[[], float]) -> None:
        """Create the service's state.

        Args:
            pin_maps: The loaded pin maps.
            clock: Time of reservations, in seconds since the epoch.
        """
        self._pin_maps = pin_maps
        self.reservations = ReservationTable(clock)
        self.instruments = OpenSessionTable()
        self.multiplexers = OpenSessionTable()

    async def reserve(
        self,
        pin_map_id: str,
        sites: Sequence[int],
        names: Sequence[str],
        type_id: str,
        reserver: Reserver,
    ) -> ReservedSessions:
        """Reserve all sessions for pins and relays, or none. Record the channels of each.

        Args:
            pin_map_id: The pin map. With "" no session is reserved.
            sites: Sites; none for all.
            names: Pins, relays and groups; none for all.
            type_id: Instrument type, "" for all.
            reserver: The caller and its timeout.

        Raises:
            NotKnownError: The pin map does not exist.
            InvalidRequestError: The pin map has no such site, pin, relay or group, or connects
                all of them to instruments that have no session here.
            NotAvailableError: Others hold some of the sessions until the timeout.
        """
        selection = self._select(pin_map_id, sites, names, type_id)
        layouts = {layout.session_name: layout for layout in selection.layouts}
        await self.reservations.reserve(layouts, reserver)
        return ReservedSessions(
            [self._status(one.session_name, one) for one in selection.layouts],
            selection.groups,
            [self._multiplexer(*one) for one in selection.multiplexers],
        )

    async def reserve_registered(self, type_id: str, reserver: Reserver) -> list[SessionStatus]:
        """Reserve all open sessions, without naming pins.

        Args:
            type_id: Instrument type, "" for all.
            reserver: The caller and its timeout.

        Raises:
            NotAvailableError: Others hold some of the sessions until the timeout.
        """
        sessions = self.instruments.all(type_id)
        await self.reservations.reserve(dict.fromkeys(one.name for one in sessions), reserver)
        return [
            SessionStatus(one.name, None, one, self.reservations.get(one.name)) for one in sessions
        ]

    def connected_multiplexers(
        self, pin_map_id: str, sites: Sequence[int], type_id: str
    ) -> list[MultiplexerStatus]:
        """Return the multiplexer sessions between the pins of some sites and their instruments.

        Raises:
            NotKnownError: The pin map does not exist.
            InvalidRequestError: The pin map has no such site.
        """
        selected = self._select(pin_map_id, sites, (), "").multiplexers
        statuses = [self._multiplexer(*one) for one in selected]
        return [one for one in statuses if type_id in ("", one.session.type_id)]

    def registered_multiplexers(self, type_id: str) -> list[MultiplexerStatus]:
        """Return the open multiplexer sessions, or those of one type."""
        return [
            MultiplexerStatus(one, is_registered=True) for one in self.multiplexers.all(type_id)
        ]

    def status(self, type_id: str = "") -> list[SessionStatus]:
        """Return the sessions that are reserved or registered, or those of one type."""
        layouts = {one.session_name: one.layout for one in self.reservations.held()}
        for session in self.instruments.all():
            layouts.setdefault(session.name, None)
        statuses = [self._status(name, layout) for name, layout in layouts.items()]
        return [one for one in statuses if type_id in ("", one.type_id)]

    def free_after(self, pid: int) -> bool:
        """Free the reservations and registrations of a process that ended and of its children.

        Returns:
            False if some of the children still run.
        """
        held = self.reservations.held()
        holders = {one.session_name: one.holder for one in held}
        registered = {
            (table, one.name): one.holder
            for table in (self.instruments, self.multiplexers)
            for one in table.all()
        }
        known = {one for one in (*holders.values(), *registered.values()) if one is not None}
        mine = {one for one in known if pid == one.pid or pid in one.ancestors}
        dead = {one for one in mine if not one.is_alive()}
        freed = [name for name, holder in holders.items() if holder in dead]
        for (table, name), holder in registered.items():
            if holder in dead:
                table.unregister([name])
        if freed:
            _logger.warning(
                "Process %d ended. Its sessions are now free: %s.", pid, ", ".join(freed)
            )
            self.reservations.release(freed)
        return mine == dead

    def _select(
        self, pin_map_id: str, sites: Sequence[int], names: Sequence[str], type_id: str
    ) -> _Selection:
        if not pin_map_id:
            return _Selection([], {}, [])
        pin_map = self._pin_maps.get(pin_map_id)
        _check_sites(pin_map, sites)
        leaves, groups = expand_names(pin_map, names)
        partition = self._pin_maps.partition(pin_map_id)
        layouts = partition.select(leaves, sites or pin_map.sites, type_id)
        if names and not layouts:
            _refuse_unusable_pins(pin_map, leaves)
        used = dict.fromkeys(
            row.multiplexer for layout in layouts for row in layout.rows if row.multiplexer
        )
        types = {name: pin_map.multiplexer_by_name[name].type_id for name in used}
        return _Selection(layouts, groups, list(types.items()))

    def _status(self, name: str, layout: SessionLayout | None) -> SessionStatus:
        return SessionStatus(name, layout, self.instruments.get(name), self.reservations.get(name))

    def _multiplexer(self, name: str, type_id: str) -> MultiplexerStatus:
        registered = self.multiplexers.get(name)
        return MultiplexerStatus(
            registered or OpenSession(name, name, type_id), is_registered=registered is not None
        )


def _refuse_unusable_pins(pin_map: PinMap, leaves: Sequence[str]) -> None:
    for connection in pin_map.unusable_connections:
        if connection.leaf in leaves:
            raise InvalidRequestError(
                f'"{connection.leaf}" cannot be reserved: {why_unusable(pin_map, connection)}.'
            )


def _check_sites(pin_map: PinMap, sites: Sequence[int]) -> None:
    unknown = unknown_sites(pin_map, sites)
    if unknown:
        raise InvalidRequestError(unknown_sites_message(unknown))
