"""Threads that open and release resources, and that cannot keep a stopped server alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

_Task = Callable[[], None]


class Workers(Executor):
    """A pool of daemon threads, started as they are needed.

    The standard library's pool is joined when the interpreter exits, so that a release hook that
    hangs would hang the process.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._idle = 0
        self._started = 0
        self._ended = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in one of the threads.

        Raises:
            RuntimeError: The pool was shut down.
        """
        future: Future[Any] = Future()

        def task() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        with self._lock:
            if self._ended:
                raise RuntimeError("The workers have been sent home.")
            self._tasks.put(task)
            if self._idle:
                self._idle -= 1
            elif self._started < self._most:
                self._started += 1
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end once what was submitted is done; waits for nothing."""
        with self._lock:
            if not self._ended:
                self._ended = True
                for _ in range(self._started):
                    self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # what it held must not live until the next one comes
            with self._lock:
                self._idle += 1
