"""Scripts of different instruments run in the order of time, and an error stops only its script."""

from __future__ import annotations

import math

import pytest
from device_sim.errors import BenchError, DeviceSimError
from device_sim.timeline import Timeline


class Script:
    """A script that acts at some times, and fails at one of them."""

    is_looking = False

    def __init__(self, name: str, times: list[float], done: list, fails_at: float = math.nan):
        self.name, self.times, self.done, self.fails_at = name, times, done, fails_at
        self.error: DeviceSimError | None = None

    def due(self) -> float:
        return self.times[0] if self.times else math.inf

    def run(self, until: float, now: float) -> None:
        while self.due() <= until:
            time = self.times.pop(0)
            if time == self.fails_at:
                raise BenchError("no stable state")
            self.done.append((time, self.name))

    def fail(self, error: DeviceSimError) -> None:
        self.error = error
        self.times.clear()


@pytest.fixture
def done() -> list:
    return []


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


def test_due_scripts_run_in_the_order_of_time(timeline, done):
    for script in (Script("a", [1, 3, 5], done), Script("b", [2, 4, 6], done)):
        timeline.add(script)
    timeline.advance(5)
    assert done == [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")]
    timeline.advance(10)
    assert done[-1] == (6, "b")


def test_a_script_that_is_discarded_does_nothing_more(timeline, done):
    script = Script("a", [1, 2], done)
    timeline.add(script)
    timeline.advance(1)
    timeline.discard(script)
    timeline.discard(None)
    timeline.advance(5)
    assert done == [(1, "a")]


def test_a_script_that_fails_stops_no_other(timeline, done):
    failing, other = Script("a", [1, 2, 3], done, fails_at=2), Script("b", [1.5, 2.5], done)
    timeline.add(failing)
    timeline.add(other)
    timeline.advance(5)
    assert isinstance(failing.error, BenchError)
    assert other.error is None
    assert done == [(1, "a"), (1.5, "b"), (2.5, "b")]


class Looking:
    """A script that looks at the bench all the time, and counts its turns."""

    is_looking = True

    def __init__(self) -> None:
        self.seen, self.turns = 0.0, 0

    def due(self) -> float:
        return math.nextafter(self.seen, math.inf)

    def run(self, until: float, now: float) -> None:
        self.seen, self.turns = until, self.turns + 1

    def fail(self, error: DeviceSimError) -> None:
        raise error


def test_scripts_that_look_all_the_time_do_not_stop_it(timeline, done):
    looking = [Looking(), Looking(), Looking()]
    for script in (looking[0], Script("a", [0.5, 1.5], done), *looking[1:]):
        timeline.add(script)

    timeline.advance(1.0)

    assert [each.seen for each in looking] == [1.0] * 3
    assert done == [(0.5, "a")]
    assert max(each.turns for each in looking) < 5000
