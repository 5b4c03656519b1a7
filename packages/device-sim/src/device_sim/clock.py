"""Time as the simulated devices see it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Where the devices get the time from and how they let it pass."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Let up to `seconds` pass, or less when the (held) condition is notified."""
        ...


class SystemClock:
    """Real time: delays and apertures take as long as they say."""

    def now(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Sleep until notified or until `seconds` have passed."""
        condition.wait(min(seconds, threading.TIMEOUT_MAX))


class ManualClock:
    """Virtual time for tests: it stands still, and a wait with an end moves it there at once.

    What a measurement reads then depends only on the delays that were programmed, so a test
    can compare it with a closed form, and an hour of settling costs nothing.

    Args:
        start: What `now` says first, in seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the clock's start."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self._now += seconds

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Move the clock by `seconds`; a wait without an end is a real one."""
        if seconds == float("inf"):
            condition.wait()
        else:
            self.advance(max(seconds, 0.0))
