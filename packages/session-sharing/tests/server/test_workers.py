"""The worker threads are limited, are used again, and end."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from processes import eventually
from session_sharing.server import Workers


def _alive(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


def test_no_more_threads_than_allowed_and_every_task_is_done() -> None:
    workers = Workers(4, "few")
    results = [workers.submit(lambda n=n: n * n) for n in range(100)]

    assert [result.result(5) for result in results] == [n * n for n in range(100)]
    assert _alive("few") <= 4
    workers.shutdown()
    eventually(lambda: _alive("few") == 0, within=30)


def test_an_idle_thread_is_used_before_another_is_started() -> None:
    workers = Workers(8, "again")
    for _ in range(20):
        workers.submit(lambda: None).result(5)
        eventually(lambda: workers._idle == 1, within=30)

    assert _alive("again") == 1
    workers.shutdown()


def test_a_task_that_hangs_delays_no_other_task() -> None:
    workers = Workers(2, "hangs")
    forever = threading.Event()
    workers.submit(forever.wait)

    assert [workers.submit(lambda: 1).result(5) for _ in range(5)] == [1] * 5
    forever.set()
    workers.shutdown()


def test_threads_that_hang_for_good_are_replaced() -> None:
    workers = Workers(2, "replaced", patience=0.05)
    forever = threading.Event()
    for _ in range(5):
        workers.submit(forever.wait)
    last = workers.submit(lambda: "not held up")

    def is_done() -> bool:
        workers.relieve()
        return last.done()

    eventually(is_done, within=30)
    assert _alive("replaced") <= 7
    forever.set()
    assert [workers.submit(lambda: 1).result(5) for _ in range(5)] == [1] * 5
    workers.shutdown()
    eventually(lambda: _alive("replaced") == 0, within=30)


def test_an_error_of_a_task_reaches_its_caller() -> None:
    workers = Workers(1, "raises")

    def fail() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        workers.submit(fail).result(5)
    assert workers.submit(lambda: "still there").result(5) == "still there"
    workers.shutdown()


def test_after_shutdown_submitted_tasks_are_done_and_new_ones_refused() -> None:
    workers = Workers(1, "last")
    begin = threading.Event()
    first = workers.submit(begin.wait)
    last = workers.submit(lambda: "done")
    workers.shutdown()
    begin.set()

    assert first.result(5) and last.result(5) == "done"
    with pytest.raises(RuntimeError):
        workers.submit(lambda: None)


def test_an_idle_thread_keeps_nothing_of_its_last_task() -> None:
    class Resource:
        pass

    workers = Workers(1, "forgets")
    resource = Resource()
    gone = weakref.ref(resource)
    workers.submit(lambda resource: None, resource).result(5)
    del resource

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    eventually(is_gone, within=30)
    workers.shutdown()
