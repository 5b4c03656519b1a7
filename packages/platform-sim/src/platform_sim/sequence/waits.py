"""Waits of the main thread that a signal ends, whichever thread of the process takes it.

Python handles a signal in the main thread. A signal that another thread took wakes up no wait of
the main thread, so each wait is short.
"""

from __future__ import annotations

import time

LONGEST_WAIT = 0.1
"""Seconds after which the main thread looks for signals."""


def sleep(seconds: float) -> None:
    """Wait for a time."""
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0:
        time.sleep(min(remaining, LONGEST_WAIT))
