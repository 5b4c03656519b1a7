"""A lease does not expire before its deadline, and never after it was renewed or ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from inline import ManualClock
from session_sharing.core.leases import Leases


def test_a_lease_expires_at_its_deadline_and_once() -> None:
    clock, expired = ManualClock(), []
    leases = Leases(clock)
    leases.grant(2.0, lambda: expired.append("a"))
    for moment in (1.9, 0.09, 0.02, 5.0):
        clock.advance(moment)
        leases.expire_due()
        assert expired == (["a"] if clock.now >= 1002.0 else [])


@given(
    st.lists(
        st.tuples(st.floats(0.1, 10), st.sampled_from(["keep", "renew", "end"])), max_size=300
    ),
    st.floats(0, 12),
)
def test_exactly_the_leases_that_were_neither_ended_nor_renewed_expire(
    plans: list[tuple[float, str]], waited: float
) -> None:
    clock = ManualClock()
    leases = Leases(clock)
    expired: list[int] = []
    due = set()
    for number, (seconds, fate) in enumerate(plans):
        lease = leases.grant(seconds, lambda number=number: expired.append(number))
        if fate == "renew":
            lease.renew(seconds + 5)
        if fate == "end":
            lease.end()
        deadline = seconds + 5 if fate == "renew" else seconds
        if fate != "end" and clock.now + deadline <= clock.now + waited:
            due.add(number)
    clock.advance(waited)
    leases.expire_due()

    assert set(expired) == due
    assert len(expired) == len(due)


def test_ended_leases_take_no_memory() -> None:
    leases = Leases(ManualClock())
    for _ in range(10_000):
        leases.grant(43_200, lambda: None).end()

    assert len(leases) < 200
