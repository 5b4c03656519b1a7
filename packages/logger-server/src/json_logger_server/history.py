"""Numbers records, encodes them, and knows those in the file already: a writer's pure part."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from json_logger_proto.names import LANE_BITS
from session_sharing import InvalidArgumentError, SessionSharingError

from json_logger_server.batch import Lane, PendingBatch
from json_logger_server.records import AnyRecord
from json_logger_server.storage.lines import LineNumbers
from json_logger_server.storage.repair import LogEnd

MAX_CLIENT_SEQ = (1 << 53) - 1
"""Largest number of a record in its client's count; every JSON reader keeps it exact."""
_SPANS = 64
"""Remembered pieces of a lane; records between which nobody else wrote are one piece."""
_LANES = 10_000
"""Lanes that are remembered, those of the latest writers; ten for each client that may attach."""

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class ClientHistory:
    """Which records of one lane of a client are in the file, and where."""

    spans: list[tuple[int, int, int]] = field(default_factory=list)
    """Own number of a first record, how many follow each other, number of the first in the file."""
    newest: int = 0
    """Highest own number that was written."""
    forgotten: int = 0
    """Of own numbers up to this, only those in `spans` are still known."""

    def copy(self) -> ClientHistory:
        """Give a history that can grow on its own."""
        return ClientHistory(list(self.spans), self.newest, self.forgotten)

    def add(self, first: int, count: int, seq: int) -> None:
        """Note records that follow each other in the client's count and in the file."""
        self.newest = max(self.newest, first + count - 1)
        if self.spans:
            last_first, last_count, last_seq = self.spans[-1]
            if last_first + last_count == first and last_seq + last_count == seq:
                self.spans[-1] = (last_first, last_count + count, last_seq)
                return
        self.spans.append((first, count, seq))
        if len(self.spans) > _SPANS:
            first, count, _ = self.spans.pop(0)
            self.forgotten = max(self.forgotten, first + count - 1)

    def find(self, number: int) -> int | None:
        """Tell where a record is in the file: 0 when it is not, None when that is forgotten."""
        for first, count, seq in reversed(self.spans):
            if first <= number < first + count:
                return seq + number - first
        return 0 if number > self.forgotten else None


@dataclass(slots=True)
class Plan:
    """What is to be written of a group of batches; nothing counts before `Numbering.commit`."""

    next_seq: int
    records: list[AnyRecord] = field(default_factory=list)
    """What is new, numbered."""
    lines: bytes = b""
    """The same, encoded."""
    histories: dict[Lane, ClientHistory] = field(default_factory=dict)
    """Of the lanes in the group, as they will be."""

    def take(
        self, batch: PendingBatch, records: Sequence[AnyRecord], first_client_seq: int = 0
    ) -> None:
        """Number records of a batch that are new."""
        for index, record in enumerate(records):
            record.seq = self.next_seq + index
            record.writer = batch.writer
            record.client = batch.client
            record.client_seq = first_client_seq + index if batch.client else 0
        self.records += records
        self.next_seq += len(records)


class Numbering:
    """Gives every new record its number in the file, and finds those that come again."""

    def __init__(
        self,
        end: LogEnd | None = None,
        recall: Callable[[], Iterable[LineNumbers]] = lambda: (),
    ) -> None:
        """Go on where a file ends.

        Args:
            end: What its tail told; None for a new file.
            recall: Reads the numbers of more of the file; called once, when a client sends
                something that it may have sent before the file was opened.
        """
        self.next_seq = 1
        self._tail_is_all = end is None or end.tail_is_all
        self._recall = recall
        self._recalled: dict[Lane, dict[int, int]] | None = None
        self._histories: OrderedDict[Lane, ClientHistory] = OrderedDict()
        if end is not None:
            self._learn(end)

    def plan(self, batches: Iterable[PendingBatch]) -> Plan:
        """Number what is new in a group of batches; each gets its `first_seq` or its `error`."""
        plan = Plan(self.next_seq)
        for batch in batches:
            batch.error = batch.refusal()
            if batch.error is None:
                try:
                    batch.first_seq = self._place(batch, plan)
                except SessionSharingError as error:
                    batch.error = error
        plan.lines = encode_lines(plan.records) if plan.records else b""
        return plan

    def commit(self, plan: Plan) -> None:
        """Note that a plan's records are in the file."""
        self.next_seq = plan.next_seq
        for lane, history in plan.histories.items():
            self._histories[lane] = history
            self._histories.move_to_end(lane)
        while len(self._histories) > _LANES:
            self._histories.popitem(last=False)

    def _place(self, batch: PendingBatch, plan: Plan) -> int:
        """Number a batch; a refusal leaves the plan as it was."""
        first_seq, first = plan.next_seq, batch.first_client_seq
        if not batch.client:
            plan.take(batch, batch.records)
            return first_seq
        _check(batch)
        lane = batch.lane
        history = plan.histories.get(lane)
        if history is None:
            known = self._histories.get(lane)
            history = known.copy() if known else self._history_of_stranger(batch)
        if first > history.newest:
            places = [0]
            plan.take(batch, batch.records, first)
            history.add(first, len(batch.records), first_seq)
        else:
            numbers = range(first, first + len(batch.records))
            places = [self._find(history, lane, number) for number in numbers]
            for index, place in enumerate(places):
                if not place:
                    history.add(first + index, 1, plan.next_seq)
                    plan.take(batch, batch.records[index : index + 1], first + index)
        plan.histories[lane] = history
        return places[0] or first_seq

    def _history_of_stranger(self, batch: PendingBatch) -> ClientHistory:
        """Begin a history; a lane that does not begin with 1 may be older than this run."""
        if batch.first_client_seq % (1 << LANE_BITS) == 1 or self._tail_is_all:
            return ClientHistory()
        newest = max(self._recall_places(batch.lane), default=0)
        return ClientHistory(newest=newest, forgotten=newest)

    def _find(self, history: ClientHistory, lane: Lane, number: int) -> int:
        """Tell where a record is in the file; 0 when it is not.

        Raises:
            InvalidArgumentError: It is too long ago to know.
        """
        place = history.find(number)
        if place is not None:
            return place
        places = self._recall_places(lane)
        if number in places:
            return places[number]
        if places and min(places) < number < max(places):
            return 0
        raise InvalidArgumentError(
            f"Record {number} comes too late: whether it was written before is not known any more."
        )

    def _recall_places(self, lane: Lane) -> dict[int, int]:
        """Return a lane's numbers and their places from before the file was opened."""
        if self._recalled is None:
            self._recalled = {}
            for line in self._recall():
                if line.client:
                    of_line = line.client, line.client_seq >> LANE_BITS
                    self._recalled.setdefault(of_line, {})[line.client_seq] = line.seq
        return self._recalled.get(lane, {})

    def _learn(self, end: LogEnd) -> None:
        for line in end.tail:
            if not line.seq:
                continue
            self.next_seq = line.seq + 1
            if line.client and line.client_seq:
                lane = line.client, line.client_seq >> LANE_BITS
                history = self._histories.setdefault(lane, ClientHistory())
                if not history.spans and not end.tail_is_all:
                    history.forgotten = line.client_seq - 1
                history.add(line.client_seq, 1, line.seq)


def encode_lines(records: list[AnyRecord]) -> bytes:
    """Encode records as lines, each ending with a newline."""
    return _encoder.encode_lines(records)


def _check(batch: PendingBatch) -> None:
    last = batch.first_client_seq + len(batch.records) - 1
    if batch.first_client_seq < 1 or last > MAX_CLIENT_SEQ:
        raise InvalidArgumentError(
            f"A client numbers its records from 1 to {MAX_CLIENT_SEQ}, not from "
            f"{batch.first_client_seq}."
        )
    if last >> LANE_BITS != batch.first_client_seq >> LANE_BITS:
        raise InvalidArgumentError("The numbers of a batch are in one lane.")
    if not batch.records:
        raise InvalidArgumentError("The batch has no record.")
