"""Find the locations at which no process listens any more."""

from __future__ import annotations

import asyncio
import enum
import errno
import ipaddress
from collections.abc import Iterable
from contextlib import suppress

from platform_sim.discovery.description import Location

_LONGEST_PROBES = 3.0  # seconds for all locations of a request; a refusal takes Windows two
_MOST_AT_ONCE = 32  # connections; each needs a file descriptor
_LOOPBACKS = ("127.0.0.1", "::1")
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETUNREACH)


class _Answer(enum.Enum):
    ACCEPTED = enum.auto()
    REFUSED = enum.auto()
    NO_ADDRESS = enum.auto()
    UNKNOWN = enum.auto()


class Prober:
    """Connect to locations on this machine's loopback addresses, a few at a time.

    Only a refused connection shows that no process listens. If the platform has no file descriptor
    left, or a service is too busy to accept, this proves nothing about the service. Locations of
    other machines are not probed; their registrations stay until they are ended.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    async def dead_among(self, locations: Iterable[Location]) -> set[Location]:
        """Return the locations at which every connection is refused."""
        asked = {
            asyncio.ensure_future(self._is_dead(location)): location
            for location in set(locations)
            if _addresses(location)
        }
        if not asked:
            return set()
        try:
            done, _ = await asyncio.wait(asked, timeout=_LONGEST_PROBES)
        finally:
            for task in asked:
                task.cancel()
        return {asked[task] for task in done if task.result()}

    async def _is_dead(self, location: Location) -> bool:
        addresses = _addresses(location)
        answers = [await self._connect(address, location.port) for address in addresses]
        # Without IPv6 "localhost" is 127.0.0.1 alone.
        unreachable = (_Answer.REFUSED, _Answer.NO_ADDRESS)
        return _Answer.REFUSED in answers and all(answer in unreachable for answer in answers)

    async def _connect(self, address: str, port: int) -> _Answer:
        async with self._turns:
            try:
                _, writer = await asyncio.open_connection(address, port)
            except ConnectionRefusedError:
                return _Answer.REFUSED
            except OSError as error:
                missing = error.errno in _NO_SUCH_ADDRESS
                return _Answer.NO_ADDRESS if missing else _Answer.UNKNOWN
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return _Answer.ACCEPTED


def _addresses(location: Location) -> tuple[str, ...]:
    """Return the addresses to probe.

    "localhost" means both loopback addresses, as for gRPC, whatever the hosts file of this
    machine says: the SDK listens on ::1 and registers as localhost.
    """
    if location.host == "localhost":
        return _LOOPBACKS
    with suppress(ValueError):
        if ipaddress.ip_address(location.host).is_loopback:
            return (location.host,)
    return ()
