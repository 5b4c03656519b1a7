"""Reserve sessions for callers, and keep the queue of waiting requests.

A request is granted completely or not at all, in the order of arrival. It is granted when all its
sessions are free and no earlier waiting request needs any of them. So every request is granted
some time, and requests for different sessions do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from platform_sim.callers import Caller
from platform_sim.errors import InvalidRequestError, NotAvailableError
from platform_sim.pin_map.partition import SessionLayout

WAIT_FOREVER_MS = -1
"""Timeout in milliseconds that never ends. The timeout 0 does not wait."""

_SETTLE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Reserver:
    """A caller that asks for sessions, and its timeout.

    Raises:
        InvalidRequestError: The timeout is less than -1.
    """

    annotations: Mapping[str, str]
    """The caller's own description. It is kept with the reservations."""
    timeout_ms: int
    """Milliseconds to wait; 0 does not wait, -1 waits forever."""
    holder: Caller | None = None
    """Its process, None if it is not known."""

    def __post_init__(self) -> None:
        if self.timeout_ms < WAIT_FOREVER_MS:
            raise InvalidRequestError(
                f"The timeout of {self.timeout_ms} ms must be -1 (wait forever), 0 (do not wait) "
                "or more."
            )


@dataclass(frozen=True, slots=True)
class Reservation:
    """A held session."""

    session_name: str
    """Name of the session."""
    annotations: Mapping[str, str]
    """The holder's own description."""
    since: float
    """Time of the grant, in seconds of the table's clock."""
    holder: Caller | None = None
    """The holder's process, None if it is not known."""
    layout: SessionLayout | None = None
    """The channels that it was reserved for, None if the request named no pins."""


class ReservationRequest:
    """A request that waits, or that was granted or withdrawn."""

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
        """Create an empty table.

        Args:
            clock: Return the time of a grant, in seconds.
        """
        self._clock = clock
        self._held: dict[str, Reservation] = {}
        self._waiting: dict[ReservationRequest, None] = {}

    async def reserve(
        self, sessions: Mapping[str, SessionLayout | None], reserver: Reserver
    ) -> None:
        """Reserve all of some sessions, or none. Keep the channels of each.

        If the waiting task is cancelled, as gRPC does when the caller disconnects, the request
        leaves the queue at once. If it was granted in the same moment, its sessions are freed.

        Args:
            sessions: The sessions by name, each with the channels that it is reserved for. None
                means that the request names no pins.
            reserver: The caller and its timeout.

        Raises:
            NotAvailableError: Others hold some of the sessions until the timeout.
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
                # gRPC may not have reported a killed caller's end yet, so that comes first.
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
        """Ask for sessions. The request is granted now, or waits in the queue.

        Args:
            names: Names of the sessions. A request without names is granted at once.
            annotations: Kept with the reservation.
            on_granted: Called one time, when the request is granted.
            holder: The process of the caller.
            layouts: The channels that sessions are reserved for, by name.
        """
        request = ReservationRequest(
            frozenset(names), dict(annotations), holder, on_granted, dict(layouts or {})
        )
        self._waiting[request] = None
        self._grant_what_can_be()
        return request

    def withdraw(self, request: ReservationRequest) -> None:
        """Take a waiting request out of the queue, or free the sessions that it was granted."""
        if request.is_granted:
            self.release(request.names)
        elif request in self._waiting:
            del self._waiting[request]
            self._grant_what_can_be()

    def release(self, names: Iterable[str]) -> None:
        """Free sessions, whatever process holds them. Ignore names that are not held."""
        for name in names:
            self._held.pop(name, None)
        self._grant_what_can_be()

    def get(self, name: str) -> Reservation | None:
        """Return the reservation of a session, None if it is free."""
        return self._held.get(name)

    def held(self) -> list[Reservation]:
        """Return all reservations, oldest first."""
        return list(self._held.values())

    def waiting_count(self) -> int:
        """Return the number of waiting requests."""
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
            holders = ", ".join(
                f"{one.session_name} (held by {one.holder or 'an unknown process'})" for one in held
            )
            return (
                f"Other callers hold these sessions, and did not free them within {timeout_ms} ms: "
                f"{holders}. If a holder has died, end its reservation "
                "with 'platform-sim reservations --free NAME'."
            )
        return (
            "Other callers wait for these sessions, and requests are served in their order: "
            f"{', '.join(names)}. Try again with a longer timeout."
        )
