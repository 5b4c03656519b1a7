"""Records that wait to be sent are in order, in full batches, and sent until acknowledged."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from json_logger_client.encoding import EncodedRecord
from json_logger_client.outbox import Inbox, Outbox, StreamOptions, Ticket
from session_sharing import InvalidArgumentError

OPTIONS = StreamOptions(max_batch_records=3, max_batch_bytes=100)


class Count:
    def __init__(self) -> None:
        self.next = 1

    def __call__(self, count: int) -> int:
        self.next += count
        return self.next - count


def outbox() -> Outbox:
    return Outbox(OPTIONS, Count())


def batches(box: Outbox, inbox: Inbox) -> list[bytes]:
    """Make batches of all records in an inbox, and send them."""
    while box.make_batch(inbox):
        pass
    sent = []
    while (batch := box.next_unsent()) is not None:
        sent.append(batch.request.ndjson)
    return sent


def record(line: bytes) -> EncodedRecord:
    return EncodedRecord(line)


def test_batches_are_full_and_the_last_one_has_the_rest() -> None:
    inbox: Inbox = deque(map(record, [b"1", b"2", b"3", b"4"]))
    assert batches(outbox(), inbox) == [b"1\n2\n3", b"4"]
    assert not inbox


def test_a_record_larger_than_a_batch_is_sent_alone() -> None:
    inbox: Inbox = deque(map(record, [b"x" * 10_000, b"1"]))
    assert batches(outbox(), inbox) == [b"x" * 10_000, b"1"]


def test_a_record_that_a_caller_waits_for_is_a_separate_batch() -> None:
    mine, yours = Ticket(record(b"mine")), Ticket(record(b"yours"))
    inbox: Inbox = deque([record(b"1"), mine, yours, record(b"2")])
    box = outbox()
    assert batches(box, inbox) == [b"1", b"mine", b"yours", b"2"]
    box.acknowledge(2, first_seq=20)
    assert (mine.settled, mine.seq, yours.settled) == (True, 20, False)


def test_only_the_caller_of_a_refused_record_gets_the_error() -> None:
    first, second = Ticket(record(b"1")), Ticket(record(b"2"))
    box = outbox()
    batches(box, deque([first, second]))
    error = InvalidArgumentError("refused")
    box.refuse_head(error)
    assert first.error is error
    assert not second.settled
    box.rewind()
    batch = box.next_unsent()
    assert batch is not None
    assert batch.request.ndjson == b"2"


def test_a_caller_that_waits_for_all_records_before_is_answered_when_they_are_acknowledged() -> (
    None
):
    box, everything = outbox(), Ticket()
    batches(box, deque([*map(record, [b"1", b"2", b"3", b"4"]), everything]))
    box.acknowledge(3)
    assert not everything.settled
    box.acknowledge(4)
    assert everything.settled
    assert everything.error is None
    at_once = Ticket()
    batches(box, deque([at_once]))
    assert at_once.settled


def test_a_record_is_counted_until_it_is_acknowledged() -> None:
    box = outbox()
    batches(box, deque([*map(record, [b"1", b"2", b"3"]), Ticket(record(b"4"))]))
    assert (box.records, len(box), box.bytes) == (4, 2, 4)
    box.acknowledge(3)
    assert (box.records, len(box), box.bytes) == (1, 1, 1)
    box.refuse_head(InvalidArgumentError("refused"))
    assert (box.records, len(box), box.bytes) == (0, 0, 0)


@given(st.lists(st.sampled_from(["add", "call", "send", "break", "acknowledge"]), max_size=80))
def test_every_record_arrives_once_and_in_order_through_any_failures(steps: list[str]) -> None:
    """The server knows repeated records by their numbers; acknowledgements can be lost."""
    box = outbox()
    inbox: Inbox = deque()
    tickets: list[Ticket] = []
    logged, arrived, under_way = 0, [], []
    for step in [*steps, "break", *["send"] * 80]:
        if step in ("add", "call"):
            line = record(b"%d" % logged)
            if step == "call":
                tickets.append(Ticket(line))
            inbox.append(tickets[-1] if step == "call" else line)
            logged += 1
        elif step == "break":
            box.rewind()
            under_way.clear()
        elif step == "acknowledge" and under_way:
            box.acknowledge(under_way.pop(0))
        elif step == "send":
            box.make_batch(inbox)
            batch = box.next_unsent()
            if batch is None:
                continue
            request = batch.request
            for index, digits in enumerate(request.ndjson.split(b"\n")):
                number = request.first_client_seq + index
                if number > len(arrived):
                    arrived.append(int(digits))
                    assert len(arrived) == number
            under_way.append(request.first_client_seq + request.count - 1)
    assert arrived == list(range(logged))
    while under_way:
        box.acknowledge(under_way.pop(0))
    assert box.records == 0
    assert all(ticket.settled for ticket in tickets)
