"""Time limits that can be renewed, on an injected clock."""

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
    """Something that ends unless it is renewed in time."""

    __slots__ = ("_leases", "deadline", "live", "on_expiry")

    def __init__(self, leases: Leases, deadline: float, on_expiry: Callable[[], None]) -> None:
        self._leases = leases
        self.deadline = deadline
        self.on_expiry = on_expiry
        self.live = True

    def renew(self, seconds: float) -> None:
        """Put the deadline `seconds` from now, which costs next to nothing; it only moves later."""
        self.deadline = max(self.deadline, self._leases.clock() + seconds)

    def end(self) -> None:
        """Let the lease go without expiring."""
        if self.live:
            self.live = False
            self._leases.forget_one()


class Leases:
    """All leases of one registry, expired in the order of their deadlines."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._queue: list[tuple[float, int, Lease]] = []
        self._order = itertools.count()
        self._ended = 0

    def __len__(self) -> int:
        """Count what is kept, ended leases that are not yet swept included."""
        return len(self._queue)

    def grant(self, seconds: float, on_expiry: Callable[[], None]) -> Lease:
        """Start a lease; `on_expiry` is called, without locks, unless it ends or is renewed."""
        lease = Lease(self, self.clock() + seconds, on_expiry)
        with self._lock:
            heapq.heappush(self._queue, (lease.deadline, next(self._order), lease))
        return lease

    def forget_one(self) -> None:
        """Count a lease that ended before its time; sweep the queue when most have."""
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
                _log.exception("What follows the end of a lease has failed.")
        return len(due)
