"""Run the work of a source again and again, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Worker:
    """A thread that does its work, waits, and does it again, until it is stopped."""

    def __init__(self, name: str, work: Callable[[], None], pause: float) -> None:
        """Prepare the thread.

        Args:
            name: Name of the thread.
            work: Does the work once. An unexpected error is logged, and the thread goes on.
            pause: Seconds between two times.
        """
        self._work = work
        self._pause = pause
        self._hurry = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hurry(self) -> None:
        """Do the work again at once."""
        self._hurry.set()

    def stop(self) -> None:
        """Do the work no more, and do not wait for it."""
        self._stopped.set()
        self._hurry.set()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, but not longer than some seconds."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._work()
            except Exception:
                _log.exception("%s failed; it goes on.", self._thread.name)
            self._hurry.wait(self._pause)
            self._hurry.clear()
