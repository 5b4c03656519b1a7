"""Keep the records that wait to be sent or acknowledged. Nothing here uses threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from session_sharing import SessionSharingError
from session_sharing.client.background import Bell

from json_logger_client.encoding import EncodedRecord


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """When a stream sends a batch, and how much may be unacknowledged. The defaults suit most."""

    max_batch_records: int = 1000
    """Records after which a batch is sent. Make it smaller if a refused batch must lose only few
    records."""
    max_batch_bytes: int = 256 * 1024
    """Bytes after which a batch is sent; a larger record is sent alone. Make it larger for
    waveforms of some hundred kilobytes."""
    max_delay: float = 0.05
    """Seconds after which a batch is sent, even if it is small. Make it smaller if a reader follows
    the log. Make it larger if records come slowly and are not needed soon."""
    max_unacknowledged_bytes: int = 16 * 1024 * 1024
    """Most bytes that may wait for their acknowledgement. If a record would exceed them, `log`
    blocks until it fits, or until no other record waits. Make it larger if bursts must not block
    and there is enough memory."""


class Ticket:
    """Lets one caller wait until its record, or all records before, are in the file."""

    __slots__ = ("bell", "error", "record", "seq", "settled", "unheard")

    def __init__(self, record: EncodedRecord | None = None) -> None:
        """Create a ticket, which a sender will settle.

        Args:
            record: The caller's record; None to wait for the records that were put before.
        """
        self.record = record
        self.bell = Bell()
        """Rings when the ticket is settled. A caller may replace it before it asks."""
        self.settled = False
        self.seq = 0
        """The record's sequence number in the file."""
        self.error: SessionSharingError | None = None
        """The reason why the record is not known to be in the file."""
        self.unheard = False
        """Whether the caller no longer waits, so that it does not get an error."""

    def settle(self, seq: int = 0, error: SessionSharingError | None = None) -> None:
        """Answer the caller."""
        self.seq, self.error = seq, error
        self.settled = True
        self.bell.ring()


Inbox: TypeAlias = "deque[EncodedRecord | Ticket]"
"""Records and tickets, in the order in which callers put them."""


HandOver: TypeAlias = Callable[[memoryview, str], "pb.SamplesInMemory | None"]
"""Sends the samples of a waveform as memory, for an attachment; returns None if it cannot."""


@dataclass(slots=True)
class Batch:
    """Records that are appended together or not at all."""

    request: pb.AppendRequest
    """The request without samples, which are copied only into messages that are being sent."""
    samples: list[memoryview]
    """The samples of the records' waveforms, in their order."""
    size: int
    """Bytes of the records and their samples."""
    caller: Ticket | None = None
    """The ticket of the caller that waits for the record; then the batch has only this record."""
    behind: list[Ticket] = field(default_factory=list)
    """The tickets that wait for this batch and all batches before it."""

    def in_pieces(self, most: int, hand_over: HandOver) -> Iterator[pb.AppendRequest]:
        """Yield the batch as messages with at most `most` bytes of records and samples each.

        Args:
            most: The bytes.
            hand_over: Sends the samples of one waveform as memory, if that is possible.
        """
        ndjson = self.request.ndjson
        if not self.samples and len(ndjson) <= most:
            yield self.request
            return
        samples: list[memoryview] = []
        in_memory: list[pb.SamplesInMemory] = []
        for index, of_waveform in enumerate(self.samples):
            handed = hand_over(of_waveform, self.request.attachment)
            if handed is None:
                samples.append(of_waveform)
            else:
                handed.waveform = index
                in_memory.append(handed)
        if len(ndjson) + sum(map(len, samples)) <= most:
            yield self._message(ndjson, b"".join(samples), in_memory)
            return
        pieces = chain(
            ((piece, b"") for piece in _cut([memoryview(ndjson)], most)),
            ((b"", piece) for piece in _cut(samples, most)),
        )
        piece = next(pieces)
        for following in pieces:
            yield self._message(*piece, continued=True)
            piece = following
        yield self._message(*piece, in_memory)

    def whole(self) -> pb.AppendRequest:
        """Return the batch as one message."""
        if not self.samples:
            return self.request
        return self._message(self.request.ndjson, b"".join(self.samples))

    def _message(
        self,
        ndjson: bytes,
        samples: bytes,
        in_memory: Sequence[pb.SamplesInMemory] = (),
        *,
        continued: bool = False,
    ) -> pb.AppendRequest:
        whole = self.request
        return pb.AppendRequest(
            attachment=whole.attachment,
            first_client_seq=whole.first_client_seq,
            count=whole.count,
            ndjson=ndjson,
            samples=samples,
            in_memory=in_memory,
            continued=continued,
        )


def _cut(buffers: Iterable[memoryview], most: int) -> Iterator[bytes]:
    """Cut the bytes of all buffers, one after the other, into pieces of `most` bytes."""
    parts: list[memoryview] = []
    room = most
    for buffer in buffers:
        while len(buffer):
            parts.append(buffer[:room])
            buffer = buffer[len(parts[-1]) :]
            room -= len(parts[-1])
            if not room:
                yield b"".join(parts)
                parts, room = [], most
    if parts:
        yield b"".join(parts)


class Outbox:
    """Makes batches of the records in an inbox, and keeps each batch until it is acknowledged.

    Not thread-safe.
    """

    def __init__(self, options: StreamOptions, take_numbers: Callable[[int], int]) -> None:
        """Start without batches.

        Args:
            options: When a batch is full.
            take_numbers: Reserves a number of records in the client's count; returns the first
                record's number.
        """
        self._options = options
        self._take_numbers = take_numbers
        self._batches: deque[Batch] = deque()
        self._sent = 0
        """Number of batches, from the head of the queue, that the present call has taken."""
        self.records = 0
        """Number of records that were taken from the inbox and are not acknowledged."""
        self.bytes = 0
        """Bytes of those records."""
        self.bytes_taken = 0
        """Bytes of all records that were ever taken from the inbox."""

    def __len__(self) -> int:
        """Return the number of batches that are not acknowledged."""
        return len(self._batches)

    @property
    def head(self) -> Batch | None:
        """The oldest batch that is not acknowledged."""
        return self._batches[0] if self._batches else None

    @property
    def under_way(self) -> int:
        """Number of batches that the present call has taken."""
        return self._sent

    def make_batch(self, inbox: Inbox) -> bool:
        """Make a batch of the inbox's next records. Return False if the inbox was empty."""
        records: list[EncodedRecord] = []
        size = 0
        while inbox and not self._is_full(len(records), size):
            entry = inbox[0]
            if isinstance(entry, Ticket):
                if not records:
                    self._take_ticket(entry, inbox)
                    return True
                break
            if records and entry.size > self._options.max_batch_bytes:
                break
            self._count(entry)
            inbox.popleft()
            records.append(entry)
            size += entry.size + 1
        if records:
            self._add(records)
        return bool(records)

    def next_unsent(self) -> Batch | None:
        """Return the next batch that the present call has not taken; None if there is none."""
        if self._sent == len(self._batches):
            return None
        self._sent += 1
        return self._batches[self._sent - 1]

    def rewind(self) -> None:
        """Begin a new call, which sends again all batches that are not acknowledged."""
        self._sent = 0

    def acknowledge(self, client_seq: int, first_seq: int = 0) -> list[memoryview]:
        """Forget the batches up to a record, because they are in the file.

        Args:
            client_seq: Number of the last acknowledged record in the client's count.
            first_seq: Sequence number in the file of the first record of its batch.

        Returns:
            The samples of these batches.
        """
        samples: list[memoryview] = []
        while self._batches and self._batches[0].request.first_client_seq <= client_seq:
            batch = self._remove_head()
            if batch.caller is not None:
                batch.caller.settle(first_seq)
            for ticket in batch.behind:
                ticket.settle()
            samples += batch.samples
        return samples

    def refuse_head(self, error: SessionSharingError) -> Batch:
        """Forget the oldest batch, because the server refused it; return this batch."""
        batch = self._remove_head()
        if batch.caller is not None:
            batch.caller.settle(error=error)
        if self._batches:
            self._batches[0].behind += batch.behind
        else:
            for ticket in batch.behind:
                ticket.settle()
        return batch

    def fail_waiting(self, error: SessionSharingError) -> None:
        """Answer all waiting callers with an error, and keep the records."""
        for batch in self._batches:
            if batch.caller is not None and not batch.caller.settled:
                batch.caller.settle(error=error)
            for ticket in batch.behind:
                ticket.settle(error=error)
            batch.behind.clear()

    def _is_full(self, records: int, size: int) -> bool:
        options = self._options
        return records >= options.max_batch_records or size >= options.max_batch_bytes

    def _take_ticket(self, ticket: Ticket, inbox: Inbox) -> None:
        if ticket.record is not None:
            self._count(ticket.record)
        inbox.popleft()
        if ticket.record is not None:
            self._add([ticket.record], ticket)
        elif self._batches:
            self._batches[-1].behind.append(ticket)
        else:
            ticket.settle()

    def _count(self, record: EncodedRecord) -> None:
        """Count a record before it leaves the inbox, so that it is counted at every moment."""
        self.records += 1
        self.bytes += record.size
        self.bytes_taken += record.size

    def _add(self, records: list[EncodedRecord], caller: Ticket | None = None) -> None:
        first = self._take_numbers(len(records))
        ndjson = b"\n".join([record.line for record in records])
        request = pb.AppendRequest(first_client_seq=first, count=len(records), ndjson=ndjson)
        samples = [*chain.from_iterable(record.samples for record in records)]
        size = sum(record.size for record in records)
        self._batches.append(Batch(request, samples, size, caller))

    def _remove_head(self) -> Batch:
        batch = self._batches.popleft()
        self.records -= batch.request.count
        self.bytes -= batch.size
        self._sent = max(0, self._sent - 1)
        return batch
