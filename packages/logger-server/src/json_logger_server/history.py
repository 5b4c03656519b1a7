"""Number and encode records, and recognise those that are already in the file; without any I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
from json_logger_proto.log_files.lines import LineNumbers
from json_logger_proto.names import LANE_BITS
from session_sharing import InvalidArgumentError, SessionSharingError

from json_logger_server.batch import Lane, PendingBatch
from json_logger_server.records import AnyRecord
from json_logger_server.storage.repair import LogEnd
from json_logger_server.waveforms import Waveform

MAX_CLIENT_SEQ = (1 << 53) - 1
"""Largest number of a record in its client's count. Every JSON reader reads it exactly."""
_SPANS = 64
"""Spans that are remembered of each lane. Records that follow each other in the client's count and
in the file are one span."""
_LANES = 10_000
"""Lanes that are remembered, those of the latest writers. This is ten for each client that may
attach."""

_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class ClientHistory:
    """The records of one lane of a client that are in the file, and their numbers in the file."""

    spans: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each span: the first record's number in the client's count, the number of records, and the
    first record's number in the file."""
    newest: int = 0
    """Highest number in the client's count that was written."""
    forgotten: int = 0
    """Up to this number of the client's count, only the records in `spans` are still known."""

    def copy(self) -> ClientHistory:
        """Return a copy that can change independently."""
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
        """Return a record's number in the file: 0 if it is not there, None if that is forgotten."""
        for first, count, seq in reversed(self.spans):
            if first <= number < first + count:
                return seq + number - first
        return 0 if number > self.forgotten else None


@dataclass(slots=True)
class Plan:
    """The new records of a group of batches. They count only after `Numbering.commit`."""

    next_seq: int
    records: list[AnyRecord] = field(default_factory=list)
    """The new records, with their numbers."""
    lines: bytes = b""
    """The new records, encoded."""
    waveforms: list[Waveform] = field(default_factory=list)
    """The waveforms of the new records, with their places in the file."""
    histories: dict[Lane, ClientHistory] = field(default_factory=dict)
    """The histories of the group's lanes after the records are written."""

    waveforms_end: int = 0
    """Offset after the last waveform, in their file."""

    def take(self, batch: PendingBatch, begin: int, end: int) -> None:
        """Assign numbers to the records from index `begin` to before `end`, which are new."""
        records, writer, client = batch.records[begin:end], batch.writer, batch.client
        to_client_seq = batch.first_client_seq + begin - self.next_seq
        for seq, record in enumerate(records, start=self.next_seq):
            record.seq = seq
            record.writer = writer
            record.client = client
            record.client_seq = seq + to_client_seq if client else 0
        for index, of_record in batch.waveforms.items():
            if begin <= index < end:
                self.waveforms_end = of_record.place(self.waveforms_end)
                self.waveforms += of_record.waveforms
        self.records += records
        self.next_seq += len(records)


class Numbering:
    """Gives every new record its number in the file, and recognises records that come again."""

    def __init__(
        self,
        end: LogEnd | None = None,
        recall: Callable[[], Iterable[LineNumbers]] = lambda: (),
    ) -> None:
        """Continue the numbers of a file.

        Args:
            end: The end of the file; None for a new file.
            recall: Reads the numbers of more lines of the file. It is called once: when a client
                sends a record that it may have sent before the file was opened.
        """
        self.next_seq = 1
        self._tail_is_all = end is None or end.tail_is_all
        self._recall = recall
        self._recalled: dict[Lane, dict[int, int]] | None = None
        self._histories: OrderedDict[Lane, ClientHistory] = OrderedDict()
        if end is not None:
            self._learn(end)

    def plan(self, batches: Iterable[PendingBatch], waveforms_end: int = 0) -> Plan:
        """Assign numbers to the new records; each batch gets its `first_seq` or its `error`.

        Args:
            batches: The batches of a group, in their order.
            waveforms_end: Offset after the last waveform in the file; only needed if the batches
                have waveforms.
        """
        plan = Plan(self.next_seq, waveforms_end=waveforms_end)
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
        """Note that the records of a plan are in the file."""
        self.next_seq = plan.next_seq
        for lane, history in plan.histories.items():
            self._histories[lane] = history
            self._histories.move_to_end(lane)
        while len(self._histories) > _LANES:
            self._histories.popitem(last=False)

    def _place(self, batch: PendingBatch, plan: Plan) -> int:
        """Assign numbers to a batch. If the batch is refused, the plan does not change."""
        first_seq, first = plan.next_seq, batch.first_client_seq
        if not batch.client:
            plan.take(batch, 0, len(batch.records))
            return first_seq
        _check(batch)
        lane = batch.lane
        history = plan.histories.get(lane)
        if history is None:
            known = self._histories.get(lane)
            history = known.copy() if known else self._history_of_new_lane(batch)
        if first > history.newest:
            places = [0]
            plan.take(batch, 0, len(batch.records))
            history.add(first, len(batch.records), first_seq)
        else:
            numbers = range(first, first + len(batch.records))
            places = [self._find(history, lane, number) for number in numbers]
            for index, place in enumerate(places):
                if not place:
                    history.add(first + index, 1, plan.next_seq)
                    plan.take(batch, index, index + 1)
        plan.histories[lane] = history
        return places[0] or first_seq

    def _history_of_new_lane(self, batch: PendingBatch) -> ClientHistory:
        """Begin a history. If the lane does not begin with 1, it may be older than this run."""
        if batch.first_client_seq % (1 << LANE_BITS) == 1 or self._tail_is_all:
            return ClientHistory()
        newest = max(self._recall_places(batch.lane), default=0)
        return ClientHistory(newest=newest, forgotten=newest)

    def _find(self, history: ClientHistory, lane: Lane, number: int) -> int:
        """Return a record's number in the file; 0 if it is not there.

        Raises:
            InvalidArgumentError: The record is so old that this is no longer known.
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
            f"Record {number} comes too late: the server no longer knows whether it is already in "
            "the file. Look for it in the log before you send it with a new number."
        )

    def _recall_places(self, lane: Lane) -> dict[int, int]:
        """Return a lane's records from before the file was opened: their numbers in the file."""
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
            f"The batch has the numbers {batch.first_client_seq} to {last}. A client must number "
            f"its records from 1 to {MAX_CLIENT_SEQ}."
        )
    if last >> LANE_BITS != batch.first_client_seq >> LANE_BITS:
        raise InvalidArgumentError(
            "The numbers of the batch cross the end of a lane. Send the records of each lane in a "
            "separate batch."
        )
    if not batch.records:
        raise InvalidArgumentError("The batch has no record.")
