"""Decide how long a sender tries to reach a server, and how long its callers wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from session_sharing import SessionSharingError


class Patience:
    """Remembers when records were last acknowledged, and since when calls fail.

    Background threads change it; threads of the program only read it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._progress = 0.0
        self._broken_since: float | None = None
        self.broken_by: SessionSharingError | None = None
        """The error of the last attempt to reach the server; None after progress."""

    def start(self) -> None:
        """Count the time from now on, because the sending begins."""
        self._progress = self._clock()

    def note_progress(self) -> None:
        """Note that the server acknowledged records."""
        self._progress = self._clock()
        self._broken_since = self.broken_by = None

    def note_break(self, error: SessionSharingError, seconds: float) -> bool:
        """Note that a call failed.

        Returns:
            Whether to try again: calls have failed for at most `seconds`.
        """
        now = self._clock()
        self.broken_by = error
        if self._broken_since is None:
            self._broken_since = now
        return now - self._broken_since <= seconds

    def restart(self) -> None:
        """Allow the whole time again for the next failed calls, because another caller asks."""
        self._broken_since = None

    def left(self, began: float, seconds: float) -> float:
        """Return the seconds for which a caller still waits.

        Args:
            began: When the caller began to wait, on the monotonic clock.
            seconds: How long the caller waits without progress.
        """
        return max(began, self._progress) + seconds - self._clock()
