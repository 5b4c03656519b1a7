"""Tell the streams of pages that something has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Changes:
    """Wakes everything that waits for a change. Any thread may announce one."""

    def __init__(self) -> None:
        """Begin with no change. Nothing is announced before `begin`."""
        self.count = 0
        """Number of announcements that have arrived."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Event] = set()
        self._is_pending = False

    def begin(self) -> None:
        """Use the running event loop."""
        self._loop = asyncio.get_running_loop()

    def announce(self) -> None:
        """Say that something has changed."""
        if self._loop is None or self._is_pending:
            return
        self._is_pending = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: the console is stopping
            self._loop.call_soon_threadsafe(self._wake)

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """Return an event that every change sets, for the time of the block."""
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)

    def _wake(self) -> None:
        self._is_pending = False
        self.count += 1
        for event in self._listeners:
            event.set()
