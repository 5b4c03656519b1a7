"""Run time limits that can be renewed; the caller passes the clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds on a clock that never jumps, as `time.monotonic`."""


_log = logging.getLogger(__name__)


class Lease:
    """A time limit. It expires unless it is renewed or ended before its deadline."""

    __slots__ = ("_leases", "deadline", "live", "on_expiry")

    def __init__(self, leases: Leases, deadline: float, on_expiry: Callable[[], None]) -> None:
        self._leases = leases
        self.deadline = deadline
        self.on_expiry = on_expiry
        self.live = True

    def renew(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now, if that is later. This costs almost nothing."""
        self.deadline = max(self.deadline, self._leases.clock() + seconds)

    def end(self) -> None:
        """End the lease; it does not expire."""
        if self.live:
            self.live = False
            self._leases.forget_one()


class Leases:
    """All leases of one registry. They expire in the order of their deadlines."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._queue: list[tuple[float, int, Lease]] = []
        self._order = itertools.count()
        self._ended = 0

    def __len__(self) -> int:
        """Count the leases in the queue, with ended ones that are not yet removed."""
        return len(self._queue)

    def grant(self, seconds: float, on_expiry: Callable[[], None]) -> Lease:
        """Start a lease. `on_expiry` is called at the deadline, without locks, unless it ends."""
        lease = Lease(self, self.clock() + seconds, on_expiry)
        with self._lock:
            heapq.heappush(self._queue, (lease.deadline, next(self._order), lease))
        return lease

    def forget_one(self) -> None:
        """Count a lease that ended early; clean the queue when most leases in it have ended."""
        with self._lock:
            self._ended += 1
            if self._ended > 64 and self._ended * 2 > len(self._queue):
                self._queue = [entry for entry in self._queue if entry[2].live]
                heapq.heapify(self._queue)
                self._ended = 0

    def expire_due(self) -> int:
        """Expire every lease whose deadline has passed.

        Returns:
            How many have expired.
        """
        now = self.clock()
        due: list[Lease] = []
        with self._lock:
            while self._queue and self._queue[0][0] <= now:
                lease = heapq.heappop(self._queue)[2]
                if not lease.live:
                    self._ended -= 1
                    continue
                if lease.deadline > now:
                    heapq.heappush(self._queue, (lease.deadline, next(self._order), lease))
                    continue
                lease.live = False
                due.append(lease)
        for lease in due:
            try:
                lease.on_expiry()
            except Exception:
                _log.exception("The callback of an expired lease has failed.")
        return len(due)
