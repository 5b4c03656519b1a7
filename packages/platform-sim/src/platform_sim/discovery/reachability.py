"""Whether somebody listens at a location."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from platform_sim.discovery.registry import Location

_CONNECT_TIMEOUT = 1.0
_LOOPBACKS = ("127.0.0.1", "::1")


async def is_reachable(location: Location) -> bool:
    """Tells whether a TCP connection to a location succeeds.

    "localhost" stands for both loopback addresses, as it does for gRPC, whatever the hosts file
    of this machine says: the SDK listens on ::1 and registers as localhost.
    """
    hosts = _LOOPBACKS if location.host == "localhost" else (location.host,)
    answers = await asyncio.gather(*(_connects(host, location.port) for host in hosts))
    return any(answers)


async def _connects(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _CONNECT_TIMEOUT)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
