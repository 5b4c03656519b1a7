"""Work that no signal handler can cut in two.

Python runs signal handlers in the main thread, between any two instructions. Ctrl-C, or a test's
timeout, raises its exception there. An exception in the middle of a gRPC call leaves gRPC's own
locks taken and its state half changed. So the main thread never does such work itself: it hands it
to another thread, and waits on a lock that only C code touches. An interrupted wait leaves the work
going on.
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
"""Seconds of one wait in a program's own thread: on Windows, Ctrl-C comes through only between two.
"""
_IDLE = 10.0
"""Seconds after which a thread that has nothing to do ends."""


class Bell:
    """Wakes one waiting thread. A ring before the wait is not lost.

    Everything is one call into C, so that a signal handler, or a `__del__`, may ring at any moment.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the waiting thread, or the next one that waits."""
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):  # somebody else has rung meanwhile
                self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait for a ring; False when there was none in time."""
        return self._lock.acquire(timeout=max(0.0, seconds))


class Progress:
    """Lets threads wait for something that background threads bring about."""

    def __init__(self) -> None:
        self._waiting: deque[Bell] = deque()

    def announce(self) -> None:
        """Let all waiting threads look again."""
        while self._waiting:
            with contextlib.suppress(IndexError):
                self._waiting.popleft().ring()

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait for the next announcement, unless it is `done`; False when there was none in time.

        A wait ends after a moment in any case: call it in a loop.
        """
        bell = Bell()
        self._waiting.append(bell)
        return done() or bell.wait(min(seconds, WAIT))


def start_thread(work: Callable[[], object], name: str) -> None:
    """Start a daemon thread.

    `Thread` is Python code that waits: an exception in the middle of it, in the main thread, would
    leave the new thread waiting for ever. So another thread makes it.
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
    """Tell whether this thread is the one that signal handlers interrupt."""
    return _thread.get_ident() == threading.main_thread().ident


def uninterrupted(
    work: Callable[[], _Result], undo: Callable[[_Result], object] | None = None
) -> _Result:
    """Do work that ends by itself; an exception from a signal handler cannot stop it halfway.

    Args:
        work: What to do. It goes on when the wait for it is interrupted.
        undo: Given the result when nobody is there to take it any more; may be called twice.

    Raises:
        BaseException: What the work raised, or the signal handler.
    """
    if not in_main_thread():
        return work()
    return _Job(work, undo).result()


class _Job(Generic[_Result]):
    """A piece of work, its result, and who waits for it."""

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
            self._give_up_result()

    def result(self) -> _Result:
        """Have the work done and wait for its end."""
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
                _workers.take(_Job(self._give_up_result, None))
            raise
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds this frame
        return self._result

    def _give_up_result(self) -> None:
        if self._undo is not None and self._error is None:
            with contextlib.suppress(Exception):
                self._undo(self._result)


class _Workers:
    """Threads that do jobs; there are as many as there are jobs at a time.

    Every worker that waits for a job, or will in a moment, has put a token into `_idle`. A token
    that an interrupted `take` lost comes back with the worker's next job.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._idle: list[None] = []

    def take(self, job: _Job[Any]) -> None:
        """Have a job done by an idle worker, or by a new one."""
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
                    continue  # a job is on its way
                return
            self._idle.append(None)


_workers = _Workers()


def _begin_anew() -> None:
    """Forget the parent process's workers: a forked child has none of its threads."""
    global _workers
    _workers = _Workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
