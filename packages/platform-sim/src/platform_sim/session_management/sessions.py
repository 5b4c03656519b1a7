"""Session management without gRPC: reservations, open sessions, and both together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from platform_sim.errors import InvalidRequestError
from platform_sim.pin_map.model import PinMap
from platform_sim.pin_map.partition import SessionLayout
from platform_sim.pin_map.queries import expand_names, unknown_sites, unknown_sites_message
from platform_sim.pin_map.store import PinMapStore
from platform_sim.pin_map.validator import why_unusable
from platform_sim.session_management.open_sessions import OpenSession, OpenSessionTable
from platform_sim.session_management.reservations import Reservation, ReservationTable

_logger = logging.getLogger(__name__)

WAIT_FOREVER_MS = -1
"""Timeout in milliseconds that never ends; 0 does not wait."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The sessions that a reservation request names."""

    layouts: list[SessionLayout]
    """Sessions with the channels asked for."""
    groups: dict[str, tuple[str, ...]]
    """Members of the groups that were named."""
    multiplexers: list[OpenSession]
    """Multiplexer sessions on the way to these channels."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session that is reserved or open."""

    name: str
    """Name of the session."""
    layout: SessionLayout | None
    """What it was reserved for, None when it is only registered."""
    registered: OpenSession | None
    """Its registration, None when it is only reserved."""
    reservation: Reservation | None
    """Its reservation, None when it is only registered."""


class SessionManagement:
    """The state of the service. Not thread-safe: all calls come from one event loop."""

    def __init__(self, pin_maps: PinMapStore, clock: Callable[[], float]) -> None:
        """Makes the service's state.

        Args:
            pin_maps: The loaded pin maps.
            clock: Time of reservations, in seconds since the epoch.
        """
        self._pin_maps = pin_maps
        self.reservations = ReservationTable(clock)
        self.instruments = OpenSessionTable()
        self.multiplexers = OpenSessionTable()
        self._layouts: dict[str, SessionLayout] = {}

    def select(
        self, pin_map_id: str, sites: Sequence[int], names: Sequence[str], type_id: str
    ) -> Selection:
        """Returns the sessions for pins and relays.

        Args:
            pin_map_id: The pin map; "" names no session.
            sites: Sites, nothing for all.
            names: Pins, relays and groups, nothing for all.
            type_id: Instrument type, "" for all.

        Raises:
            NotKnownError: No such pin map.
            InvalidRequestError: The pin map has no such site, pin, relay or group, or connects
                all that was named to instruments that have no session here.
        """
        if not pin_map_id:
            return Selection([], {}, [])
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
        return Selection(layouts, groups, [self._multiplexer(pin_map, name) for name in used])

    def connected_multiplexers(
        self, pin_map_id: str, sites: Sequence[int], type_id: str
    ) -> list[OpenSession]:
        """Returns the multiplexer sessions on the way to the pins of some sites.

        Raises:
            NotKnownError: No such pin map.
            InvalidRequestError: The pin map has no such site.
        """
        selected = self.select(pin_map_id, sites, (), "").multiplexers
        return [one for one in selected if type_id in ("", one.type_id)]

    def note_granted(self, layouts: Iterable[SessionLayout]) -> None:
        """Remembers what sessions were reserved for."""
        self._layouts.update((layout.session_name, layout) for layout in layouts)

    def note_granted_whole(self, names: Iterable[str]) -> None:
        """Forgets what sessions were reserved for before: now it is for no pins in particular."""
        for name in names:
            self._layouts.pop(name, None)

    def status(self) -> list[SessionStatus]:
        """Returns all sessions that are reserved or registered."""
        names = dict.fromkeys(one.session_name for one in self.reservations.held())
        names.update(dict.fromkeys(one.name for one in self.instruments.all()))
        return [
            SessionStatus(
                name,
                self._layouts.get(name) if self.reservations.get(name) else None,
                self.instruments.get(name),
                self.reservations.get(name),
            )
            for name in names
        ]

    def free_after(self, pid: int) -> bool:
        """Frees what a process that ended, and those under it, had reserved and registered.

        Returns:
            False if some of them still run.
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
            _logger.warning("Process %d ended and held %s: free now.", pid, ", ".join(freed))
            self.reservations.release(freed)
        return mine == dead

    def annotations_of(self, name: str) -> Mapping[str, str]:
        """Returns the annotations of a session: its registration's and its reservation's."""
        registered = self.instruments.get(name)
        reservation = self.reservations.get(name)
        return {
            **(registered.annotations if registered else {}),
            **(reservation.annotations if reservation else {}),
        }

    def _multiplexer(self, pin_map: PinMap, name: str) -> OpenSession:
        registered = self.multiplexers.get(name)
        return registered or OpenSession(name, name, pin_map.multiplexer_by_name[name].type_id)


def check_timeout(timeout_ms: int) -> None:
    """Checks the timeout of a reservation.

    Raises:
        InvalidRequestError: It is less than -1.
    """
    if timeout_ms < WAIT_FOREVER_MS:
        raise InvalidRequestError(
            f"The timeout of {timeout_ms} ms must be -1 (wait for ever), 0 (do not wait) or more."
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
