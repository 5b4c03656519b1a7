"""Who holds which session, and who waits for it.

A request is granted as a whole or not at all, in the order in which requests came: one is granted
when all its sessions are free and no earlier request that still waits wants any of them. So
nobody starves, and requests for different sessions do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from platform_sim.callers import Caller


@dataclass(frozen=True, slots=True)
class Reservation:
    """A held session."""

    session_name: str
    """Name of the session."""
    annotations: Mapping[str, str]
    """What the holder said of itself."""
    since: float
    """Time of the grant, in seconds of the table's clock."""
    holder: Caller | None = None
    """The process that asked for it, None when it is not known."""


class ReservationRequest:
    """A request that waits, or was granted or withdrawn."""

    def __init__(
        self,
        names: frozenset[str],
        annotations: Mapping[str, str],
        holder: Caller | None,
        on_granted: Callable[[], None],
    ) -> None:
        self.names = names
        self.annotations = annotations
        self.holder = holder
        self.on_granted = on_granted
        self.is_granted = False


class ReservationTable:
    """Reservations by session name, and the queue of waiting requests.

    Not thread-safe: all calls come from one event loop.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Makes an empty table.

        Args:
            clock: Gives the time of a grant, in seconds.
        """
        self._clock = clock
        self._held: dict[str, Reservation] = {}
        self._waiting: dict[ReservationRequest, None] = {}

    def request(
        self,
        names: Iterable[str],
        annotations: Mapping[str, str],
        on_granted: Callable[[], None] = lambda: None,
        *,
        holder: Caller | None = None,
    ) -> ReservationRequest:
        """Asks for sessions; the request is granted now or stands in the queue.

        Args:
            names: Names of the sessions; none is granted at once.
            annotations: Kept with the reservation.
            on_granted: Called once, when the request is granted.
            holder: The process that asks.
        """
        request = ReservationRequest(frozenset(names), dict(annotations), holder, on_granted)
        self._waiting[request] = None
        self._grant_what_can_be()
        return request

    def withdraw(self, request: ReservationRequest) -> None:
        """Takes a waiting request out of the queue, or gives back what it was granted."""
        if request.is_granted:
            self.release(request.names)
        elif request in self._waiting:
            del self._waiting[request]
            self._grant_what_can_be()

    def release(self, names: Iterable[str]) -> None:
        """Frees sessions, whoever holds them; names that are not held are passed over."""
        for name in names:
            self._held.pop(name, None)
        self._grant_what_can_be()

    def get(self, name: str) -> Reservation | None:
        """Returns the reservation of a session, None when it is free."""
        return self._held.get(name)

    def held(self) -> list[Reservation]:
        """Returns all reservations, oldest first."""
        return list(self._held.values())

    def waiting_count(self) -> int:
        """Returns how many requests wait."""
        return len(self._waiting)

    def _grant_what_can_be(self) -> None:
        claimed: set[str] = set()
        granted = []
        for request in self._waiting:
            if claimed.isdisjoint(request.names) and self._held.keys().isdisjoint(request.names):
                self._hold(request)
                granted.append(request)
            else:
                claimed |= request.names
        for request in granted:
            del self._waiting[request]
        for request in granted:
            request.on_granted()

    def _hold(self, request: ReservationRequest) -> None:
        request.is_granted = True
        now = self._clock()
        for name in sorted(request.names):
            self._held[name] = Reservation(name, request.annotations, now, request.holder)
