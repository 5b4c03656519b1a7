"""The queue of reservations: fair, all or nothing, and empty at the end."""

from __future__ import annotations

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from platform_sim.session_management.reservations import ReservationTable

NAMES = st.sets(st.sampled_from("ABCD"), max_size=3)


def table():
    ticks = itertools.count()
    return ReservationTable(lambda: float(next(ticks)))


def test_a_waiting_request_holds_nothing():
    reservations = table()
    reservations.request("A", {})
    both = reservations.request("AB", {})
    assert not both.is_granted
    assert reservations.get("B") is None


def test_a_later_request_does_not_pass_an_earlier_one_that_wants_the_same():
    reservations = table()
    reservations.request("A", {})
    both = reservations.request("AB", {})
    only_b = reservations.request("B", {})
    only_c = reservations.request("C", {})
    assert (both.is_granted, only_b.is_granted, only_c.is_granted) == (False, False, True)
    reservations.release("A")
    assert (both.is_granted, only_b.is_granted) == (True, False)


def test_withdrawing_lets_those_behind_pass():
    reservations = table()
    reservations.request("A", {})
    both = reservations.request("AB", {})
    only_b = reservations.request("B", {})
    reservations.withdraw(both)
    assert only_b.is_granted


def test_withdrawing_a_granted_request_frees_its_sessions():
    reservations = table()
    first = reservations.request("A", {})
    second = reservations.request("A", {})
    reservations.withdraw(first)
    assert second.is_granted


def test_the_holder_and_the_time_are_kept():
    reservations = table()
    reservations.request("A", {"who": "me"})
    held = reservations.get("A")
    assert held is not None
    assert (held.annotations, held.since) == ({"who": "me"}, 0.0)


class ReservationMachine(RuleBasedStateMachine):
    """Random requests, releases and withdrawals."""

    def __init__(self):
        super().__init__()
        self.table = table()
        self.requests = []
        self.grants = {}

    def waiting(self):
        return [one for one in self.requests if not one.is_granted]

    def granted(self):
        return [one for one in self.requests if one.is_granted]

    @rule(names=NAMES)
    def ask(self, names):
        number = len(self.grants)
        self.grants[number] = 0

        def note():
            self.grants[number] += 1

        self.requests.append(self.table.request(names, {}, note))

    @precondition(lambda self: self.granted())
    @rule(data=st.data())
    def release(self, data):
        request = data.draw(st.sampled_from(self.granted()))
        self.requests.remove(request)
        self.table.release(request.names)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def vanish(self, data):
        request = data.draw(st.sampled_from(self.waiting()))
        self.requests.remove(request)
        self.table.withdraw(request)

    @invariant()
    def a_session_has_one_holder(self):
        held = [name for request in self.granted() for name in request.names]
        assert len(held) == len(set(held))
        assert {one.session_name for one in self.table.held()} == set(held)

    @invariant()
    def each_request_is_granted_once(self):
        assert set(self.grants.values()) <= {0, 1}

    @invariant()
    def whoever_waits_is_blocked_by_a_holder_or_an_earlier_one(self):
        blocked = {name for request in self.granted() for name in request.names}
        for request in self.waiting():
            assert blocked & request.names
            blocked |= request.names

    @invariant()
    def the_queue_is_those_who_wait(self):
        assert self.table.waiting_count() == len(self.waiting())


TestReservationMachine = ReservationMachine.TestCase
TestReservationMachine.settings = settings(max_examples=60, stateful_step_count=30)
