"""P3: every record is written once and numbered without gaps, also if it is sent again."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_logger_proto.log_files.lines import numbers_in
from json_logger_proto.names import LANE_BITS
from json_logger_server.batch import PendingBatch
from json_logger_server.history import MAX_CLIENT_SEQ, Numbering, Plan
from json_logger_server.records import Record
from json_logger_server.storage.repair import LogEnd
from session_sharing import InvalidArgumentError

RAW = msgspec.Raw(b"{}")
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def batch(client: str, first: int, count: int) -> PendingBatch:
    records = [Record(NOON, "m", RAW, RAW) for _ in range(count)]
    return PendingBatch(records, client, first)


def write(numbering: Numbering, *batches: PendingBatch) -> list[int]:
    plan, places = planned(numbering, *batches)
    numbering.commit(plan)
    return places


def planned(numbering: Numbering, *batches: PendingBatch) -> tuple[Plan, list[int]]:
    """Return a plan, and the number of each batch's first record in the file."""
    plan = numbering.plan(batches)
    return plan, [batch.first_seq for batch in batches]


def test_records_are_numbered_in_the_order_in_which_they_come() -> None:
    numbering = Numbering()
    assert write(numbering, batch("a", 1, 2), batch("b", 1, 1), batch("", 0, 3)) == [1, 3, 4]
    assert write(numbering, batch("a", 3, 1)) == [7]


def test_a_batch_sent_again_is_found_where_it_was_written() -> None:
    numbering = Numbering()
    write(numbering, batch("a", 1, 2), batch("b", 1, 5), batch("a", 3, 2))

    again, places = planned(numbering, batch("a", 1, 2), batch("a", 3, 2))
    assert places == [1, 8]
    assert again.records == []


def test_a_batch_sent_twice_in_one_group_is_written_once() -> None:
    numbering = Numbering()
    plan, places = planned(numbering, batch("a", 1, 2), batch("a", 1, 2))
    assert places == [1, 1]
    assert len(plan.records) == 2


def test_a_repeated_batch_that_a_crash_cut_is_completed() -> None:
    numbering = Numbering()
    write(numbering, batch("a", 1, 2))
    plan = numbering.plan([batch("a", 1, 5)])
    assert [record.client_seq for record in plan.records] == [3, 4, 5]


def test_a_lower_number_that_was_never_written_is_not_taken_for_a_repetition() -> None:
    numbering = Numbering()
    write(numbering, batch("a", 5, 1))
    assert len(numbering.plan([batch("a", 3, 1)]).records) == 1


def test_lanes_of_one_client_do_not_make_each_other_forgotten() -> None:
    """Several streams of one connection take turns, and one of them sends again late."""
    numbering, lane = Numbering(), 1 << LANE_BITS
    write(numbering, batch("a", 1, 1))
    for number in range(1, 500):
        write(numbering, batch("a", lane + number, 1), batch("b", number, 1))

    assert planned(numbering, batch("a", 1, 1))[1] == [1]
    late = batch("a", 2, 1)
    assert len(numbering.plan([late]).records) == 1
    assert late.error is None


def test_a_batch_that_crosses_lanes_is_refused() -> None:
    over = batch("a", (1 << LANE_BITS) - 1, 3)
    assert Numbering().plan([over]).records == []
    assert isinstance(over.error, InvalidArgumentError)


def test_a_plan_that_was_not_written_has_no_effect() -> None:
    numbering = Numbering()
    numbering.plan([batch("a", 1, 2)])
    assert write(numbering, batch("a", 1, 2)) == [1]


def test_a_record_that_is_too_old_to_recognise_is_refused() -> None:
    numbering = Numbering()
    for first in range(1, 200):
        write(numbering, batch("a", first, 1), batch("b", first, 1))

    late = batch("a", 1, 1)
    assert numbering.plan([late]).records == []
    assert isinstance(late.error, InvalidArgumentError)


def reopened(file: bytes, tail_lines: int) -> Numbering:
    """Return a numbering after a restart that has read only a few lines of a large file."""
    lines = numbers_in(file)
    return Numbering(LogEnd(len(file), lines[-tail_lines:], False), lambda: lines)


@pytest.mark.parametrize("others", [0, 20])
def test_after_a_restart_batches_from_before_the_tail_are_found_when_they_come_again(
    others: int,
) -> None:
    numbering = Numbering()
    file = b""
    sent = [("a", first) for first in range(11, 61, 10)] + [("b", 1)] * bool(others)
    for client, first in sent:
        plan = numbering.plan([batch(client, first, 10 if client == "a" else others)])
        numbering.commit(plan)
        file += plan.lines

    after = reopened(file, tail_lines=5)
    for place, first in enumerate(range(11, 61, 10)):
        again, places = planned(after, batch("a", first, 10))
        assert (places, again.records) == ([1 + place * 10], [])
        after.commit(again)
    assert write(after, batch("a", 61, 10)) == [51 + others]
    assert len(after.plan([batch("a", 5, 1)]).records) == 0


def test_batches_after_a_refused_batch_of_a_stream_are_refused() -> None:
    refused = batch("a", 0, 1)
    follower = batch("a", 1, 1)
    follower.after = refused
    plan = Numbering().plan([refused, follower])
    assert plan.records == []
    assert follower.error is refused.error is not None


@pytest.mark.parametrize(("first", "count"), [(0, 1), (1, 0), (MAX_CLIENT_SEQ, 2), (1 << 64, 1)])
def test_impossible_client_numbers_are_refused(first: int, count: int) -> None:
    wrong = batch("a", first, count)
    assert Numbering().plan([wrong]).lines == b""
    assert isinstance(wrong.error, InvalidArgumentError)


def test_the_memory_of_many_clients_and_lanes_is_bounded() -> None:
    numbering = Numbering()
    for number in range(20_000):
        write(numbering, batch(f"client {number % 100}", (number << LANE_BITS) + 1, 1))
    assert len(numbering._histories) == 10_000


deliveries = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 12), st.integers(1, 4), st.booleans()),
    max_size=30,
)


@given(deliveries, st.integers(0, 30))
def test_each_record_is_written_once_through_any_deliveries_and_repetitions(
    sent: list[tuple[str, int, int, bool]], restart_after: int
) -> None:
    """Deliveries in any order, some of which fail to be written, with a restart in between."""
    numbering, file = Numbering(), b""
    wanted: set[tuple[str, int]] = set()
    for index, (client, first, count, fails) in enumerate(sent):
        if index == restart_after:
            numbering = Numbering(LogEnd(len(file), numbers_in(file)))
        plan = numbering.plan([batch(client, first, count)])
        if not fails:
            numbering.commit(plan)
            file += plan.lines
            wanted |= {(client, first + offset) for offset in range(count)}
            found = numbering.plan([batch(client, first, count)])
            assert found.records == []

    lines = numbers_in(file)
    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    keys = [(line.client, line.client_seq) for line in lines]
    assert len(keys) == len(set(keys))
    assert set(keys) == wanted
