"""Wait for the writes of a log, but not for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType


class PacedSignal:
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
        self._listen = listen
        self._draining = draining
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._next = self._loop.time()
        """Time from which a write wakes at once."""
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> PacedSignal:
        self._stop = self._listen(self._note)
        self._drain = asyncio.ensure_future(self._draining.wait())
        self._drain.add_done_callback(lambda _: self._woken.set())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        self._drain.cancel()
        self._stop_timer()

    async def wait(self) -> None:
        """Wait for a write after the pause."""
        await self._woken.wait()
        self._woken.clear()
        self._next = max(self._next, self._loop.time() - self._pause) + self._pause

    def _note(self, _: object) -> None:
        if self._loop.time() >= self._next:
            self._stop_timer()
            self._woken.set()
        elif self._timer is None:
            self._timer = self._loop.call_at(self._next + self._pause, self._wake_late)

    def _wake_late(self) -> None:
        self._timer = None
        self._woken.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
