"""T3: the answers to racing threads are possible if the calls came one after the other."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from inline import Probe
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import (
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
)
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Client, OpenRequest

THREADS = 8
CALLS = 5


@dataclass(frozen=True)
class Call:
    """One call as its thread saw it: when it began, the answer, and when the answer came."""

    began: int
    ended: int
    what: str
    answer: str
    generation: int


class Recorder:
    """Counts a logical time that all threads share."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._ticks = itertools.count()

    def now(self) -> int:
        return next(self._ticks)

    def note(self, began: int, what: str, answer: str, generation: int = 0) -> None:
        self.calls.append(Call(began, self.now(), what, answer, generation))


def _work(registry: SessionRegistry, recorder: Recorder, number: int, seed: int) -> None:
    choose = random.Random(seed * 1000 + number)
    client = Client(str(number))
    for _ in range(CALLS):
        behavior = choose.choice(list(InitializationBehavior)[:3])
        began = recorder.now()
        try:
            opened = registry.open(OpenRequest("probe", "r", behavior=behavior), client).result(10)
        except SessionAlreadyOpenError:
            recorder.note(began, behavior.name, "already open")
            continue
        except SessionNotFoundError:
            recorder.note(began, behavior.name, "not found")
            continue
        answer = "new" if opened.new_session else "attached"
        recorder.note(began, behavior.name, answer, opened.session.generation)
        assert opened.attachment is not None
        began = recorder.now()
        try:
            live = registry.attachment(opened.attachment.id)
            closed = registry.close(live.session, attachment=live).result(10)
        except SessionExpiredError:
            recorder.note(began, "close", "expired", opened.session.generation)
        else:
            assert closed
            recorder.note(began, "close", "closed", opened.session.generation)


def _is_linearizable(calls: list[Call]) -> bool:
    """Search for an order that respects real time and the rules of one resource."""
    todo = frozenset(range(len(calls)))
    seen: set[tuple[frozenset[int], int]] = set()

    def follow(remaining: frozenset[int], open_generation: int) -> bool:
        if not remaining:
            return True
        if (remaining, open_generation) in seen:
            return False
        seen.add((remaining, open_generation))
        horizon = min(calls[index].ended for index in remaining)
        return any(
            follow(remaining - {index}, state)
            for index in sorted(remaining, key=lambda index: calls[index].ended)
            if calls[index].began < horizon
            for state in _next_states(calls[index], open_generation)
        )

    return follow(todo, 0)


def _next_states(call: Call, open_generation: int) -> Iterator[int]:
    """Return the states after a call, if its answer is right in the state before."""
    match call.answer:
        case "new":
            if not open_generation and call.what != "ATTACH_TO_SERVER_SESSION":
                yield call.generation
        case "attached":
            if open_generation == call.generation:
                yield open_generation
        case "already open":
            if open_generation:
                yield open_generation
        case "not found":
            if not open_generation:
                yield 0
        case "closed":
            # Several may close one session; the first does it, the others find it done.
            yield 0 if open_generation == call.generation else open_generation
        case "expired":
            if open_generation != call.generation:
                yield open_generation


def _record(seed: int) -> list[Call]:
    recorder = Recorder()
    with ThreadPoolExecutor(4) as executor:
        registry = SessionRegistry({"probe": Probe}, executor)
        threads = [
            threading.Thread(target=_work, args=(registry, recorder, number, seed))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return recorder.calls


def test_the_histories_of_eight_threads_are_linearizable() -> None:
    for seed in range(25):
        calls = _record(seed)
        assert _is_linearizable(calls), f"seed {seed}: {calls}"


@pytest.mark.soak
def test_many_histories_of_eight_threads_are_linearizable() -> None:
    for seed in range(2000):
        calls = _record(seed)
        assert _is_linearizable(calls), f"seed {seed}: {calls}"


def test_the_checker_finds_two_sessions_at_once() -> None:
    two = [
        Call(0, 5, "AUTO", "new", 1),
        Call(1, 6, "AUTO", "new", 2),
        Call(7, 8, "close", "closed", 1),
    ]

    assert not _is_linearizable(two)
