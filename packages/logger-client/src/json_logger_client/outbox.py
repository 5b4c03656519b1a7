"""Records that wait to be sent or acknowledged: the part of a stream without threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """When a batch is sent and how much may be under way."""

    max_batch_records: int = 1000
    """Records after which a batch is sent."""
    max_batch_bytes: int = 256 * 1024
    """Bytes after which a batch is sent; a larger record goes alone."""
    max_delay: float = 0.05
    """Seconds after which a batch is sent however small it is."""
    max_unacknowledged_bytes: int = 16 * 1024 * 1024
    """Bytes that wait for their acknowledgement; `log` blocks until it would stay below, or until
    nothing else waits."""


class Outbox:
    """Gathers lines into batches and keeps each until it is acknowledged. Not thread-safe."""

    def __init__(
        self, options: StreamOptions, take_numbers: Callable[[int], int], clock: Clock
    ) -> None:
        """Start empty.

        Args:
            options: When a batch is full.
            take_numbers: Gives the first of so many numbers in the client's count.
            clock: Seconds on a clock that never jumps.
        """
        self._options = options
        self._take_numbers = take_numbers
        self._clock = clock
        self._lines: list[bytes] = []
        self._lines_bytes = 0
        self._lines_since = 0.0
        self._batches: deque[pb.AppendRequest] = deque()
        self._batches_bytes = 0
        self._sent = 0
        """Batches at the head of the queue that the present call has taken."""
        self._hurried = False

    def __len__(self) -> int:
        """Count the records that are not acknowledged."""
        return len(self._lines) + sum(batch.count for batch in self._batches)

    @property
    def is_empty(self) -> bool:
        """Whether everything is acknowledged."""
        return not self._lines and not self._batches

    @property
    def batches(self) -> int:
        """Count the batches that wait for their acknowledgement."""
        return len(self._batches)

    def has_room(self, size: int) -> bool:
        """Tell whether a record of `size` bytes may be added."""
        waiting = self._batches_bytes + self._lines_bytes
        return not waiting or waiting + size <= self._options.max_unacknowledged_bytes

    def add(self, line: bytes) -> bool:
        """Add a record to the batch that is being gathered.

        Returns:
            Whether that changes when the next batch is due.
        """
        is_first = not self._lines
        if is_first:
            self._lines_since = self._clock()
        self._lines.append(line)
        self._lines_bytes += len(line) + 1
        options = self._options
        if (
            len(self._lines) >= options.max_batch_records
            or self._lines_bytes >= options.max_batch_bytes
        ):
            self._make_batch()
            return True
        return is_first

    def hurry(self) -> None:
        """Send what is gathered without waiting for more."""
        self._hurried = bool(self._lines)

    def due_in(self) -> float | None:
        """Seconds until what is gathered shall be sent; None when there is nothing."""
        if not self._lines:
            return None
        if self._hurried:
            return 0.0
        return max(0.0, self._lines_since + self._options.max_delay - self._clock())

    def next_unsent(self) -> pb.AppendRequest | None:
        """Give the next batch that the present call has not taken, if one is due."""
        if self._sent == len(self._batches) and self.due_in() == 0.0:
            self._make_batch()
        if self._sent == len(self._batches):
            return None
        self._sent += 1
        return self._batches[self._sent - 1]

    def rewind(self) -> None:
        """Begin a new call: everything that is not acknowledged is sent again."""
        self._sent = 0

    def acknowledge(self, client_seq: int) -> None:
        """Forget the batches up to a number: they are in the file."""
        while self._batches and self._batches[0].first_client_seq <= client_seq:
            self._batches_bytes -= len(self._batches.popleft().ndjson)
            self._sent -= 1

    def _make_batch(self) -> None:
        lines, self._lines, self._lines_bytes = self._lines, [], 0
        self._hurried = False
        first = self._take_numbers(len(lines))
        ndjson = lines[0] if len(lines) == 1 else b"\n".join(lines)
        self._batches_bytes += len(ndjson)
        self._batches.append(
            pb.AppendRequest(first_client_seq=first, count=len(lines), ndjson=ndjson)
        )
