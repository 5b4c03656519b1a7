"""The time of the simulated devices."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """The clock of the devices. They read it and wait on it."""

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait up to `seconds`, or until the (held) condition is notified."""
        ...

    def watch(self, condition: threading.Condition, seconds: float) -> None:
        """Wait as `wait` does, but leave the clock as it is: what is watched for may never come."""
        ...


class SystemClock:
    """Real time: delays and apertures last as long as they say."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the clock was made: small numbers, so nanoseconds count."""
        return time.monotonic() - self._start

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Sleep until notified or until `seconds` have passed."""
        condition.wait(min(seconds, threading.TIMEOUT_MAX))

    watch = wait


class ManualClock:
    """Virtual time for tests. It stops; only a wait with an end moves it, at once.

    So a reading depends only on the programmed delays. A test can compare it with a closed form,
    and an hour of settling takes no time.

    Args:
        start: The first time that `now` returns, in seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since the clock's start."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        with self._lock:
            self._now += seconds

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Move the clock by `seconds`. A wait without an end really waits."""
        if seconds == float("inf"):
            condition.wait()
        else:
            self.advance(max(seconds, 0.0))

    def watch(self, condition: threading.Condition, seconds: float) -> None:
        """Really wait for the condition."""
        condition.wait()
