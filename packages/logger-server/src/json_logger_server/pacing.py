"""Decides when the next group of a log is written, and in which thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

SLOW_WRITE = 0.02
"""Seconds; after a write that took longer, a log's writes leave the event loop for a while."""
SLOW_FOR = 10.0
"""Seconds of that while."""
QUICK_FOR = 1.0
"""Seconds after a write in which the next one may be made in the event loop. The first write after
a pause may not, as a disk may have gone away meanwhile."""
TURNS = 32
"""Turns of the event loop that a group waits for more batches when several callers came lately.

They take some hundred microseconds under load, which pay: batches that share a write share its
system calls, and their answers go out together.
"""
CROWDED_FOR = 100
"""Groups of one batch after which several callers are expected no longer."""
LARGE_GROUP = 1024 * 1024
"""Bytes of records; a larger group is never written in the event loop."""


class WritePacing:
    """Learns from the groups and writes of one log. Used by one thread at a time."""

    def __init__(self, *, durable: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without experience.

        Args:
            durable: Writes wait for the medium, so that none is made in the event loop.
            clock: Returns monotonic seconds.
        """
        self._durable = durable
        self._clock = clock
        self._crowded = 0
        """Groups for which several callers at once are expected."""
        self._began = 0.0
        self._slow_until = -math.inf
        self._quick_until = -math.inf

    @property
    def turns(self) -> int:
        """Turns of the event loop that the next group waits for more batches."""
        return TURNS if self._crowded else 1

    def may_block_the_loop(self, size: int) -> bool:
        """Tell whether a group of `size` bytes may be written in the event loop."""
        return (
            not self._durable
            and size <= LARGE_GROUP
            and self._slow_until < self._clock() < self._quick_until
        )

    def note_group(self, batches: int) -> None:
        """Learn how many batches shared a group."""
        self._crowded = CROWDED_FOR if batches > 1 else max(0, self._crowded - 1)

    def begin_write(self) -> None:
        """Start to measure a write."""
        self._began = self._clock()

    def end_write(self) -> None:
        """Learn how long the write took."""
        now = self._clock()
        self._quick_until = now + QUICK_FOR
        if now - self._began > SLOW_WRITE:
            self._slow_until = now + SLOW_FOR
