"""Who holds which session, and who waits for it.

A request is granted as a whole or not at all, in the order in which requests came: one is granted
when all its sessions are free and no earlier request that still waits wants any of them. So
nobody starves, and requests for different sessions do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from platform_sim.callers import Caller
from platform_sim.errors import InvalidRequestError, NotAvailableError
from platform_sim.pin_map.partition import SessionLayout

WAIT_FOREVER_MS = -1
"""Timeout in milliseconds that never ends; 0 does not wait."""

_SETTLE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Reserver:
    """Who asks for sessions, and how long it waits for them.

    Raises:
        InvalidRequestError: The timeout is less than -1.
    """

    annotations: Mapping[str, str]
    """What it says of itself; kept with the reservations."""
    timeout_ms: int
    """Milliseconds to wait; 0 does not wait, -1 waits for ever."""
    holder: Caller | None = None
    """Its process, None when it is not known."""

    def __post_init__(self) -> None:
        if self.timeout_ms < WAIT_FOREVER_MS:
            raise InvalidRequestError(
                f"The timeout of {self.timeout_ms} ms must be -1 (wait for ever), 0 (do not wait) "
                "or more."
            )


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
    layout: SessionLayout | None = None
    """The channels that it was reserved for, None when it was for no pins in particular."""


class ReservationRequest:
    """A request that waits, or was granted or withdrawn."""

    def __init__(
        self,
        names: frozenset[str],
        annotations: Mapping[str, str],
        holder: Caller | None,
        on_granted: Callable[[], None],
        layouts: Mapping[str, SessionLayout | None],
    ) -> None:
        self.names = names
        self.layouts = layouts
        self.annotations = annotations
        self.holder = holder
        self.on_granted = on_granted
        self.is_granted = False


class ReservationTable:
    """Reservations by session name, and the queue of waiting requests.

    Not thread-safe: all calls come from one event loop.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Make an empty table.

        Args:
            clock: Gives the time of a grant, in seconds.
        """
        self._clock = clock
        self._held: dict[str, Reservation] = {}
        self._waiting: dict[ReservationRequest, None] = {}

    async def reserve(
        self, sessions: Mapping[str, SessionLayout | None], reserver: Reserver
    ) -> None:
        """Reserve sessions, all or none, and keep what each is reserved for.

        When the waiting task is cancelled, as gRPC does for a caller that went away, the request
        leaves the queue at once, and what was granted in the same moment is given back.

        Args:
            sessions: The sessions by name, each with the channels that it is reserved for, None
                for no pins in particular.
            reserver: Who asks, and how long it waits.

        Raises:
            NotAvailableError: Others hold some of them, and did until the timeout.
        """
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        request = self.request(
            sessions,
            reserver.annotations,
            lambda: granted.set_result(None),
            holder=reserver.holder,
            layouts=sessions,
        )
        if request.is_granted:
            return
        timeout_ms = reserver.timeout_ms
        try:
            # Not wait_for: up to Python 3.11 it loses a cancellation that comes with the grant.
            if timeout_ms != 0:
                seconds = None if timeout_ms == WAIT_FOREVER_MS else timeout_ms / 1000
                await asyncio.wait([granted], timeout=seconds)
            if granted.done():
                # The end of a killed caller may be on its way through gRPC; let it arrive first.
                await asyncio.sleep(_SETTLE_SECONDS)
                return
        except asyncio.CancelledError:
            self.withdraw(request)
            raise
        self.withdraw(request)
        raise NotAvailableError(self._refusal(sessions, timeout_ms))

    def request(
        self,
        names: Iterable[str],
        annotations: Mapping[str, str],
        on_granted: Callable[[], None] = lambda: None,
        *,
        holder: Caller | None = None,
        layouts: Mapping[str, SessionLayout | None] | None = None,
    ) -> ReservationRequest:
        """Asks for sessions; the request is granted now or stands in the queue.

        Args:
            names: Names of the sessions; none is granted at once.
            annotations: Kept with the reservation.
            on_granted: Called once, when the request is granted.
            holder: The process that asks.
            layouts: The channels that sessions are reserved for, by name.
        """
        request = ReservationRequest(
            frozenset(names), dict(annotations), holder, on_granted, dict(layouts or {})
        )
        self._waiting[request] = None
        self._grant_what_can_be()
        return request

    def withdraw(self, request: ReservationRequest) -> None:
        """Take a waiting request out of the queue, or gives back what it was granted."""
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
        """Return the reservation of a session, None when it is free."""
        return self._held.get(name)

    def held(self) -> list[Reservation]:
        """Return all reservations, oldest first."""
        return list(self._held.values())

    def waiting_count(self) -> int:
        """Return how many requests wait."""
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
            self._held[name] = Reservation(
                name, request.annotations, now, request.holder, request.layouts.get(name)
            )

    def _refusal(self, names: Iterable[str], timeout_ms: int) -> str:
        held = [reservation for name in names if (reservation := self.get(name))]
        if held:
            told = ", ".join(
                f"{one.session_name} (held by {one.holder or 'a process that is not known'})"
                for one in held
            )
            return (
                f"Reserved by others, and not free within {timeout_ms} ms: {told}. The reservation "
                "of a holder that is gone ends by 'platform-sim reservations --free NAME'."
            )
        return f"Others wait for these sessions, first come first served: {', '.join(names)}."
