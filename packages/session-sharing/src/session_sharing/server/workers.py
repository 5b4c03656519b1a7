"""Run tasks in daemon threads, which cannot keep a stopped server alive."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

_Task = Callable[[], None]
_MOST_IN_ALL = 1_000
"""Most threads, with those that hang."""


class Workers(Executor):
    """A pool of daemon threads, which are started when they are needed.

    The pool of the standard library does not fit. The interpreter joins its threads at exit, so a
    release hook that hangs would hang the process. And threads that hang would use up the pool.
    """

    def __init__(self, most: int, name: str, patience: float = 10.0) -> None:
        """Start with no thread.

        Args:
            most: Most threads, not counting those that hang.
            name: Name of the threads.
            patience: Seconds after which a thread counts as hanging in its task.
        """
        self._most = most
        self._name = name
        self._patience = patience
        self._changed = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._busy_since: dict[int, float] = {}
        """When each busy thread began its task, by the number of the thread."""
        self._idle = 0
        """Threads that wait for a task, or were just started for one."""
        self._started = 0
        self._alive = 0
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

        with self._changed:
            if self._ended:
                raise RuntimeError("The worker pool is shut down and accepts no more tasks.")
            self._tasks.append(task)
            self._find_a_thread()
        return future

    def relieve(self) -> None:
        """Start a thread if tasks wait behind threads that hang; call it regularly."""
        with self._changed:
            self._find_a_thread()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the threads end after the submitted tasks; this does not wait for them."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _find_a_thread(self) -> None:
        if len(self._tasks) <= self._idle:
            self._changed.notify()
        elif self._may_have_more() and self._alive < _MOST_IN_ALL:
            self._started += 1
            self._alive += 1
            self._idle += 1
            number = self._started
            name = f"{self._name}-{number}"
            threading.Thread(target=self._work, args=(number,), name=name, daemon=True).start()

    def _may_have_more(self) -> bool:
        too_long_ago = time.monotonic() - self._patience
        hanging = sum(since < too_long_ago for since in self._busy_since.values())
        return self._alive - hanging < self._most

    def _work(self, number: int) -> None:
        while (task := self._next_task(number)) is not None:
            task()
            del task  # free its objects before the next task comes
            with self._changed:
                del self._busy_since[number]
                self._idle += 1

    def _next_task(self, number: int) -> _Task | None:
        """Wait for a task; return None when the thread is not needed any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._ended)
            self._idle -= 1
            if not self._tasks:
                self._alive -= 1
                return None
            self._busy_since[number] = time.monotonic()
            return self._tasks.popleft()
