"""Background work goes on when the wait for it is interrupted, with few threads."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from functools import partial

import grpc
import pytest
from capabilities import needs_fork
from hosting import hosted
from interrupts import INTERRUPT, interrupt_after, interrupt_no_more
from processes import eventually
from session_sharing import InvalidArgumentError
from session_sharing.client import Connection, ConnectOptions, ServerUnavailableError, SharedSession
from session_sharing.client.background import Bell, Progress, start_thread, uninterrupted
from session_sharing.server import Resource
from session_sharing.v1 import lifecycle_pb2 as pb


class InterruptError(Exception):
    """Raised by a signal handler."""


@pytest.fixture
def interrupts() -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise InterruptError

    before = signal.signal(INTERRUPT, interrupt)
    yield
    interrupt_no_more()
    signal.signal(INTERRUPT, before)


def test_results_and_errors_come_back() -> None:
    assert uninterrupted(lambda: 5) == 5
    with pytest.raises(InvalidArgumentError, match="why"):
        uninterrupted(lambda: fail("why"))


def fail(why: str) -> None:
    raise InvalidArgumentError(why)


def test_after_an_interrupted_wait_the_work_goes_on_and_its_result_is_undone(
    interrupts: None,
) -> None:
    go_on, undone = threading.Event(), threading.Event()
    interrupt_after(0.05)
    with pytest.raises(InterruptError):
        uninterrupted(lambda: go_on.wait(10), undo=lambda result: undone.set())
    assert not undone.is_set()
    go_on.set()
    assert undone.wait(10)


def test_an_exception_at_any_moment_loses_no_work(interrupts: None) -> None:
    generator = random.Random(1)
    begun, ended, interrupted = 0, [], 0
    for number in range(500):
        try:
            try:
                interrupt_after(generator.uniform(1e-6, 3e-4))
                for _ in range(20):
                    begun += 1
                    uninterrupted(partial(ended.append, number))
            finally:
                interrupt_no_more()
        except InterruptError:
            interrupted += 1
    assert interrupted > 100
    # An interrupt before a worker has the work leaves it undone, and blocks nothing.
    eventually(lambda: len(ended) >= begun - interrupted, within=10)
    assert uninterrupted(lambda: "whole") == "whole"


def test_a_hundred_callers_at_once_are_all_served() -> None:
    gate = threading.Event()
    results: list[int] = []
    for number in range(100):
        start_thread(partial(answer, gate, number, results), "caller")
    gate.set()
    eventually(lambda: len(results) == 100, within=10)


def answer(gate: threading.Event, number: int, results: list[int]) -> None:
    gate.wait(10)
    results.append(uninterrupted(lambda: number))


def test_nested_work_runs_in_the_same_thread() -> None:
    assert uninterrupted(lambda: uninterrupted(lambda: 7)) == 7


def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_an_announcement_wakes_all_waiting_threads() -> None:
    progress, woken = Progress(), []

    def wait() -> None:
        while not progress.wait(lambda: False, 10):
            pass
        woken.append(1)

    for _ in range(5):
        start_thread(wait, "waiter")

    def all_woken() -> bool:
        progress.announce()
        return len(woken) == 5

    eventually(all_woken, within=10)


class Counter(Resource):
    """A resource without calls; the test passes functions in place of a stub's methods."""


class CounterSession(SharedSession):
    kind = "counter"


class Lost(grpc.RpcError):
    """The error of a call whose answer was lost."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the answer was lost"

    def trailing_metadata(self) -> tuple[()]:
        return ()


def test_a_call_whose_answer_is_lost_is_repeated_only_if_it_is_repeatable() -> None:
    calls: list[str] = []

    def insert(request: object, timeout: float) -> None:
        calls.append("insert")
        raise Lost

    def read(request: object, timeout: float) -> str:
        calls.append("read")
        if calls.count("read") < 3:
            raise Lost
        return "value"

    with hosted(kinds={"counter": Counter}) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        with CounterSession("c", options) as session:
            with pytest.raises(ServerUnavailableError):
                session.call(insert, None)
            assert session.call(read, None, repeatable=True) == "value"
    assert calls == ["insert", "read", "read", "read"]


@needs_fork
def test_a_forked_child_process_ends_without_a_call_to_the_server() -> None:
    with hosted(kinds={"counter": Counter}) as host:
        options = ConnectOptions(host.targets[0], token=host.authenticator.token)
        with Connection(options) as connection, CounterSession("c", connection) as session:
            pid = os.fork()
            if pid == 0:
                session.__exit__(None, None, None)
                connection.close()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            answer = connection.call(connection.lifecycle.ListSessions, pb.ListSessionsRequest())
            assert [info.name for info in answer.sessions] == [session.session_name]
