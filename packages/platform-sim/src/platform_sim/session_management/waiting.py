"""Waits for a reservation on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from platform_sim.callers import Caller
from platform_sim.errors import NotAvailableError
from platform_sim.session_management.reservations import ReservationTable
from platform_sim.session_management.sessions import WAIT_FOREVER_MS

_SETTLE_SECONDS = 0.002


async def reserve(
    table: ReservationTable,
    names: Collection[str],
    annotations: Mapping[str, str],
    timeout_ms: int,
    holder: Caller | None = None,
) -> None:
    """Reserves sessions, all or none.

    When the waiting task is cancelled, as gRPC does for a caller that went away, the request
    leaves the queue at once, and what was granted in the same moment is given back.

    Args:
        table: The reservations.
        names: Names of the sessions.
        annotations: Kept with the reservations.
        timeout_ms: Milliseconds to wait; 0 does not wait, -1 waits for ever.
        holder: The process that asks.

    Raises:
        NotAvailableError: Others hold some of them, and did until the timeout.
    """
    granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    request = table.request(names, annotations, lambda: granted.set_result(None), holder=holder)
    if request.is_granted:
        return
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
        table.withdraw(request)
        raise
    table.withdraw(request)
    raise NotAvailableError(_refusal(table, names, timeout_ms))


def _refusal(table: ReservationTable, names: Collection[str], timeout_ms: int) -> str:
    held = [reservation for name in names if (reservation := table.get(name))]
    if held:
        told = ", ".join(
            f"{one.session_name} (held by {one.holder or 'a process that is not known'})"
            for one in held
        )
        return (
            f"Reserved by others, and not free within {timeout_ms} ms: {told}. The reservation of "
            "a holder that is gone ends by 'platform-sim reservations --free NAME'."
        )
    return f"Others wait for these sessions, first come first served: {', '.join(names)}."
