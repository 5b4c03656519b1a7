"""Decide when the next group of a log is written, and in which thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from json_logger_server.processor import times_waited

SLOW_WRITE = 0.02
"""Seconds. After a write that took longer, the writes of a log are made outside the event loop."""
SLOW_FOR = 10.0
"""Seconds for which they stay outside the event loop."""
QUICK_FOR = 1.0
"""Seconds after a write in which the next write may be made in the event loop. The first write
after a pause may not, because a disk may have gone offline in the meantime."""
QUIET_TURNS = 16
"""Turns of the event loop without a new batch after which a group is written when several callers
were seen.

The wait saves more than it takes: batches in one write share its system calls, and their answers
are sent together. A group that waited for a fixed number of turns was half as large under load.
"""
MOST_TURNS = 256
"""Turns for which a group waits although more batches come."""
CROWDED_FOR = 100
"""After so many groups of one batch, several callers are no longer expected."""
LARGE_GROUP = 1024 * 1024
"""Bytes of records; a larger group is never written in the event loop."""


class WritePacing:
    """Decides from the earlier groups and writes of one log. Used by one thread at a time."""

    def __init__(
        self,
        *,
        durable: bool,
        clock: Callable[[], float] = time.monotonic,
        waited: Callable[[], int | None] = times_waited,
    ) -> None:
        """Start without any measurements.

        Args:
            durable: Writes wait for the disk, so none of them is made in the event loop.
            clock: Returns monotonic seconds.
            waited: Returns how often the thread has waited so far; None if that is not known.
        """
        self._durable = durable
        self._clock = clock
        self._waited = waited
        self._crowded = 0
        """Number of next groups for which several callers are expected."""
        self._turns = 0
        """Turns for which the present group has waited."""
        self._turns_of_last = 0
        """The same when its last batch came."""
        self._began = 0.0
        self._waited_before: int | None = None
        self._slow_until = -math.inf
        self._quick_until = -math.inf

    def begin_group(self) -> None:
        """Note the first batch of a group."""
        self._turns = self._turns_of_last = 0

    def note_batch(self) -> None:
        """Note one more batch of a group that waits."""
        self._turns_of_last = self._turns

    def waits_for_others(self) -> bool:
        """Return whether the group waits for more batches. Call this once in each turn."""
        self._turns += 1
        quiet_for = self._turns - self._turns_of_last
        return self._crowded > 0 and quiet_for < QUIET_TURNS and self._turns < MOST_TURNS

    def may_block_the_loop(self, size: int) -> bool:
        """Return whether a group of `size` bytes may be written in the event loop."""
        return (
            not self._durable
            and size <= LARGE_GROUP
            and self._slow_until < self._clock() < self._quick_until
        )

    def note_group(self, batches: int) -> None:
        """Note how many batches shared a group."""
        self._crowded = CROWDED_FOR if batches > 1 else max(0, self._crowded - 1)

    def expect_others(self) -> None:
        """Note that a client sends batches without waiting for answers, so that more will come."""
        self._crowded = CROWDED_FOR

    def begin_write(self) -> None:
        """Start the clock of a write."""
        self._waited_before = self._waited()
        self._began = self._clock()

    def end_write(self) -> None:
        """Note how long the write took.

        A write in which the thread did not wait was not slow: other programs used the processor.
        """
        now = self._clock()
        self._quick_until = now + QUICK_FOR
        if now - self._began > SLOW_WRITE:
            waited = self._waited()
            if waited is None or waited != self._waited_before:
                self._slow_until = now + SLOW_FOR
