"""Wait for the writes of a log, but not for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from session_sharing.server import Signal


class PacedSignal(Signal):
    """Wakes a coroutine after a write, on average not more often than once in a pause.

    It wakes while the event loop works on a write anyway: wakes of their own cost a fast log twice
    as much. Only when nothing is written any more, a timer wakes it for what was written during the
    pause.
    """

    def __init__(
        self,
        listen: Callable[[Callable[[object], None]], Callable[[], None]],
        draining: asyncio.Event,
        pause: float,
    ) -> None:
        """Prepare to wait.

        Args:
            listen: Calls a function in the event loop after each write; returns how to stop that.
            draining: Set when the server is stopping; this wakes, too.
            pause: Seconds.
        """
        super().__init__(listen, draining)
        self._pause = pause
        self._next = self._loop.time()
        """Time from which a write wakes at once."""
        self._timer: asyncio.TimerHandle | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._stop_timer()

    async def wait(self) -> bool:
        """Wait for a write after the pause; return False when the server drains."""
        goes_on = await super().wait()
        self._next = max(self._next, self._loop.time() - self._pause) + self._pause
        return goes_on

    def _wake(self, _: object) -> None:
        if self._loop.time() >= self._next:
            self._stop_timer()
            self._happened.set()
        elif self._timer is None:
            self._timer = self._loop.call_at(self._next + self._pause, self._wake_late)

    def _wake_late(self) -> None:
        self._timer = None
        self._happened.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
