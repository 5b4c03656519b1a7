"""Watchers get every event in order, or a gap that says which events they missed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from session_sharing.core.events import EventLog, EventType, Gap, SessionEvent


def _publish(log: EventLog, *names: str) -> None:
    for name in names:
        log.publish(SessionEvent(EventType.OPENED, session_name=name))


def test_a_watcher_that_was_too_slow_gets_a_gap_with_the_missed_revisions() -> None:
    log = EventLog(capacity=3)
    _publish(log, "a", "b", "c", "d", "e")

    found, following = log.since(1)

    assert found[0] == Gap(1, 2)
    assert [event.session_name for event in found[1:]] == ["c", "d", "e"]  # type: ignore[union-attr]
    assert following == 6


def test_a_filter_leaves_out_other_sessions_without_a_gap() -> None:
    log = EventLog(capacity=3)
    following = 1
    for _ in range(10):
        _publish(log, "other")
        found, following = log.since(following, prefix="mine")
        assert found == []


@given(st.lists(st.integers(0, 5), max_size=50), st.integers(1, 10))
def test_repeated_reading_returns_every_revision_once(bursts: list[int], capacity: int) -> None:
    log = EventLog(capacity)
    revisions: list[int] = []
    following = 1
    for burst in bursts:
        _publish(log, *["s"] * burst)
        found, following = log.since(following)
        for event in found:
            if isinstance(event, Gap):
                revisions += range(event.first, event.last + 1)
            else:
                revisions.append(event.revision)

    assert revisions == list(range(1, log.revision + 1))
