"""What waits to be sent is in order, bounded, and sent again until it is acknowledged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from json_logger_client.outbox import Outbox, StreamOptions

OPTIONS = StreamOptions(
    max_batch_records=3, max_batch_bytes=100, max_delay=1.0, max_unacknowledged_bytes=500
)


class Count:
    def __init__(self) -> None:
        self.next = 1

    def __call__(self, count: int) -> int:
        self.next += count
        return self.next - count


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def outbox(clock: Hand | None = None) -> Outbox:
    return Outbox(OPTIONS, Count(), clock or Hand())


def test_a_batch_is_sent_when_it_is_full_or_old_or_hurried() -> None:
    clock = Hand()
    box = outbox(clock)
    for line in (b"1", b"2", b"3"):
        box.add(line)
    assert box.next_unsent().ndjson == b"1\n2\n3"  # type: ignore[union-attr]
    box.add(b"4")
    assert box.next_unsent() is None
    assert box.due_in() == 1.0
    clock.now = 1.0
    assert box.next_unsent().ndjson == b"4"  # type: ignore[union-attr]
    box.add(b"5")
    box.hurry()
    assert box.next_unsent().first_client_seq == 5  # type: ignore[union-attr]


def test_a_record_larger_than_everything_goes_alone() -> None:
    box = outbox()
    assert box.has_room(10_000)
    box.add(b"x" * 10_000)
    assert not box.has_room(1)
    assert box.next_unsent().count == 1  # type: ignore[union-attr]


@given(st.lists(st.sampled_from(["add", "send", "break", "acknowledge", "hurry"]), max_size=80))
def test_whatever_breaks_every_record_arrives_once_and_in_order(steps: list[str]) -> None:
    """A server that knows repetitions by their numbers; acknowledgements come late or never."""
    box = outbox()
    logged, arrived, under_way = 0, [], []
    for step in [*steps, "break", "hurry", *["send"] * 80]:
        if step == "add":
            box.add(b"%d" % logged)
            logged += 1
        elif step == "hurry":
            box.hurry()
        elif step == "break":
            box.rewind()
            under_way.clear()
        elif step == "acknowledge" and under_way:
            box.acknowledge(under_way.pop(0))
        elif step == "send" and (request := box.next_unsent()) is not None:
            for index, line in enumerate(request.ndjson.split(b"\n")):
                number = request.first_client_seq + index
                if number > len(arrived):
                    arrived.append(int(line))
                    assert len(arrived) == number
            under_way.append(request.first_client_seq + request.count - 1)
    assert arrived == list(range(logged))
    while under_way:
        box.acknowledge(under_way.pop(0))
    assert box.is_empty
    assert len(box) == 0
