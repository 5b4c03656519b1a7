"""A caller waits while the server makes progress, and at most its timeout without progress."""

from __future__ import annotations

import pytest
from inline import ManualClock
from json_logger_client.patience import Patience
from session_sharing import ServerDrainingError

GONE = ServerDrainingError("gone")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def patience(clock: ManualClock) -> Patience:
    return Patience(clock)


def test_a_caller_waits_from_its_own_beginning(patience: Patience, clock: ManualClock) -> None:
    patience.start()
    clock.advance(100)
    assert patience.left(clock.now, 5) == 5
    clock.advance(6)
    assert patience.left(clock.now - 6, 5) == -1


def test_every_progress_restores_the_whole_time(patience: Patience, clock: ManualClock) -> None:
    began = clock.now
    clock.advance(4)
    patience.note_progress()
    clock.advance(4)
    assert patience.left(began, 5) == 1


def test_failed_calls_are_tried_again_until_the_time_is_over(
    patience: Patience, clock: ManualClock
) -> None:
    assert patience.note_break(GONE, 5)
    clock.advance(5)
    assert patience.note_break(GONE, 5)
    clock.advance(1)
    assert not patience.note_break(GONE, 5)
    assert patience.broken_by is GONE


@pytest.mark.parametrize("end", [Patience.note_progress, Patience.restart])
def test_progress_or_another_caller_restores_the_whole_time(
    patience: Patience, clock: ManualClock, end: object
) -> None:
    patience.note_break(GONE, 5)
    clock.advance(100)
    assert callable(end)
    end(patience)
    assert patience.note_break(GONE, 5)


def test_only_progress_clears_an_earlier_failure(patience: Patience) -> None:
    patience.note_break(GONE, 5)
    patience.restart()
    assert patience.broken_by is GONE
    patience.note_progress()
    assert patience.broken_by is None
