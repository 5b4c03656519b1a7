"""Wait in the main thread so that a signal can end the wait, whichever thread gets the signal.

Python handles a signal in the main thread. If another thread gets the signal, this does not wake up
the main thread. So each wait is short.
"""

from __future__ import annotations

import time

LONGEST_WAIT = 0.1
"""Seconds after which the main thread checks for signals."""


def sleep(seconds: float) -> None:
    """Wait for some seconds. A signal can interrupt this."""
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0:
        time.sleep(min(remaining, LONGEST_WAIT))
