"""Do work in background threads, so that no signal handler can interrupt it.

Python runs signal handlers in the main thread, between any two instructions. Ctrl-C, or a test's
timeout, raises its exception there. An exception in the middle of a gRPC call leaves gRPC's own
locks taken and its state half changed. So the main thread never does such work itself: another
thread does it, and the main thread waits on a lock that only C code uses. When the wait is
interrupted, the work goes on.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")

WAIT = 0.2
"""Longest wait, in seconds, in a program's own thread: Windows delivers Ctrl-C only between waits.
"""
_IDLE = 10.0
"""Seconds after which an idle thread ends."""


class Bell:
    """Wakes one waiting thread. A ring before the wait is not lost.

    Each step is one call into C, so that a signal handler, or a `__del__`, may ring at any moment.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the waiting thread, or the next one that waits."""
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):  # another thread has rung meanwhile
                self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait for a ring; False when there was none in time."""
        return self._lock.acquire(timeout=max(0.0, seconds))


class Progress:
    """Lets threads wait until background threads have changed something."""

    def __init__(self) -> None:
        self._waiting: deque[Bell] = deque()

    def announce(self) -> None:
        """Wake all waiting threads, so that they check again."""
        while self._waiting:
            with contextlib.suppress(IndexError):
                self._waiting.popleft().ring()

    def ring_next(self, bell: Bell) -> None:
        """Ring a bell at the next announcement."""
        self._waiting.append(bell)

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait for the next announcement, unless `done()`; return False when none came in time.

        A wait lasts `WAIT` seconds at most: call it in a loop.
        """
        bell = Bell()
        self.ring_next(bell)
        return done() or bell.wait(min(seconds, WAIT))


def start_thread(work: Callable[[], object], name: str) -> None:
    """Start a daemon thread.

    `Thread.start` is Python code that waits. An exception in the middle of it, in the main thread,
    would leave the new thread waiting for ever. So another thread starts it.
    """

    def start() -> None:
        try:
            threading.Thread(target=work, name=name, daemon=True).start()
        except RuntimeError:  # there are too many threads, so this one does the work
            work()

    if in_main_thread():
        _thread.start_new_thread(start, ())
    else:
        start()


def in_main_thread() -> bool:
    """Return whether this thread is the main thread, which signal handlers interrupt."""
    return _thread.get_ident() == threading.main_thread().ident


def uninterrupted(
    work: Callable[[], _Result], undo: Callable[[_Result], object] | None = None
) -> _Result:
    """Do work that ends by itself; an exception from a signal handler cannot interrupt it.

    Args:
        work: The work. It goes on when the wait for it is interrupted.
        undo: Called with the result when the caller was interrupted and cannot take it; it may be
            called twice.

    Raises:
        BaseException: The error that the work, or the signal handler, raised.
    """
    if not in_main_thread():
        return work()
    return _Job(work, undo).result()


class _Job(Generic[_Result]):
    """A piece of work, its result, and the thread that waits for it."""

    __slots__ = ("_abandoned", "_bell", "_error", "_finished", "_result", "_undo", "_work")

    def __init__(
        self, work: Callable[[], _Result], undo: Callable[[_Result], object] | None
    ) -> None:
        self._work = work
        self._undo = undo
        self._bell = Bell()
        self._result: _Result
        self._error: BaseException | None = None
        self._finished = False
        self._abandoned = False

    def run(self) -> None:
        """Do the work."""
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        self._finished = True
        self._bell.ring()
        if self._abandoned:
            self._undo_result()

    def result(self) -> _Result:
        """Let a worker do the work, wait for its end, and return the result."""
        try:
            try:
                _workers.take(self)
            except RuntimeError:  # the interpreter is ending, and starts no more threads
                self.run()
            while not self._finished:
                self._bell.wait(WAIT)
        except BaseException:
            self._abandoned = True
            if self._finished:
                _workers.take(_Job(self._undo_result, None))
            raise
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds this frame
        return self._result

    def _undo_result(self) -> None:
        if self._undo is not None and self._error is None:
            with contextlib.suppress(Exception):
                self._undo(self._result)


class _Workers:
    """Threads that do jobs; there is one thread for each job that runs.

    Every worker that waits for a job, or soon will, has put a token into `_idle`. If an interrupted
    `take` loses a token, the worker puts another one there after its next job.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._idle: list[None] = []

    def take(self, job: _Job[Any]) -> None:
        """Give a job to an idle worker, or to a new one."""
        try:
            self._idle.pop()
        except IndexError:
            start_thread(self._work, "session-sharing")
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            try:
                self._jobs.get(timeout=_IDLE).run()
            except queue.Empty:
                try:
                    self._idle.pop()
                except IndexError:
                    continue  # `take` has counted on this worker: a job comes
                return
            self._idle.append(None)


_workers = _Workers()


def _start_again() -> None:
    """Forget the parent process's workers: a forked child has none of its threads."""
    global _workers
    _workers = _Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again)
