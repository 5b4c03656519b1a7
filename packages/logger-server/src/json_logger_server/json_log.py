"""A log file as a resource: numbers records, recognises repeated ones, commits in groups."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from session_sharing.core.errors import (
    ResourceLostError,
    SessionExpiredError,
    SessionSharingError,
)
from session_sharing.core.resources import Resource

from json_logger_server.records import AnyRecord, encode_lines
from json_logger_server.storage.log_file import LogFile

_SLOW_WRITE = 0.02
"""Seconds; after a write that took longer, a file's writes move off the event loop for a while."""
_SLOW_FOR = 10.0
_REMEMBERED_BATCHES = 128
"""Latest batches of a client whose repetition is recognised with their place in the file."""


class Durability(enum.Enum):
    """What an acknowledged record survives."""

    FLUSHED = "flushed"
    """The end of the server process: it is with the operating system."""
    DURABLE = "durable"
    """Power loss: it is on the medium."""


@dataclass(slots=True)
class Batch:
    """Records of one client that are appended together or not at all."""

    records: list[AnyRecord]
    client: str = ""
    """Public name of the client; empty for clients without numbers of their own."""
    first_client_seq: int = 0
    writer: str = ""


@dataclass(slots=True)
class ClientHistory:
    """What is in the file of one client."""

    last: int = 0
    """The client's own number of its last record."""
    places: dict[int, int] = field(default_factory=dict)
    """First own number of recent batches, and its sequence number in the file."""

    def place_of(self, client_seq: int) -> int:
        """Find the sequence number of a record written before; 0 when it is too long ago."""
        best = max((first for first in self.places if first <= client_seq), default=0)
        return self.places[best] + client_seq - best if best else 0

    def overlap(self, batch: Batch) -> int:
        """Count the records at the head of a batch that are in the file already."""
        return min(max(self.last - batch.first_client_seq + 1, 0), len(batch.records))

    def extended(self, first: int, count: int, seq: int) -> ClientHistory:
        """Give the history after one more batch."""
        places = dict(list(self.places.items())[-_REMEMBERED_BATCHES:])
        places[first] = seq
        return ClientHistory(first + count - 1, places)


@dataclass(slots=True)
class _Plan:
    """A group that is about to be written; nothing counts before it is."""

    next_seq: int
    first_seqs: list[int] = field(default_factory=list)
    records: list[AnyRecord] = field(default_factory=list)
    histories: dict[str, ClientHistory] = field(default_factory=dict)
    lines: bytes = b""


class JsonLog(Resource):
    """The single writer of a log file. Lives in an event loop; the registry's threads close it.

    One group is written for each turn of the loop, or while another is under way.
    """

    def __init__(
        self,
        file: LogFile,
        loop: asyncio.AbstractEventLoop,
        durability: Durability,
        executor: Executor,
    ) -> None:
        super().__init__(str(file.path))
        self.file = file
        self._loop = loop
        self._durability = durability
        self._executor = executor
        self._waiting: list[tuple[Batch, asyncio.Future[int]]] = []
        self._scheduled = False
        self._job: asyncio.Future[None] | None = None
        self._closed = False
        self._lost: ResourceLostError | None = None
        self._slow_until = 0.0
        self._next_seq = file.end.last_seq + 1
        self._histories = {
            client: ClientHistory(max(seqs), seqs) for client, seqs in file.end.client_seqs.items()
        }
        self._listeners: list[Callable[[object], None]] = []
        self.records_written = 0
        self.bytes_written = 0

    @property
    def last_seq(self) -> int:
        """Sequence number of the last committed record."""
        return self._next_seq - 1

    def append(self, batch: Batch) -> asyncio.Future[int]:
        """Append a batch with the next group.

        Returns:
            The sequence number of its first record, once it is as safe as the durability says.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: The file broke.
        """
        if self._closed:
            raise SessionExpiredError(f"The session of {self.name} was closed.")
        if self._lost is not None:
            raise self._lost
        answer: asyncio.Future[int] = self._loop.create_future()
        self._waiting.append((batch, answer))
        if not self._scheduled and self._job is None:
            self._scheduled = True
            self._loop.call_soon(self._take_turn)
        return answer

    def listen(self, listener: Callable[[object], None]) -> Callable[[], None]:
        """Call `listener` in the loop after every commit; the result ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def close(self) -> None:
        """Commit what is waiting and close the file; called in a worker thread."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result()

    def describe(self) -> Mapping[str, str]:
        """Give the file's path and what is in it."""
        facts = {
            "path": self.name,
            "durability": self._durability.value,
            "last_seq": str(self.last_seq),
            "bytes": str(self.file.size),
        }
        if self.file.end.torn is not None:
            facts["torn_record_set_aside"] = str(self.file.end.torn)
        return facts

    def _take_turn(self) -> None:
        self._scheduled = False
        if self._job is not None or not self._waiting:
            return
        group, self._waiting = self._waiting, []
        on_loop = self._durability is Durability.FLUSHED and self._loop.time() > self._slow_until
        if on_loop:
            self._settle(group, *self._commit(group))
        else:
            self._job = asyncio.ensure_future(self._commit_elsewhere(group))

    async def _commit_elsewhere(self, group: list[tuple[Batch, asyncio.Future[int]]]) -> None:
        outcome = await self._loop.run_in_executor(self._executor, self._commit, group)
        self._job = None
        self._settle(group, *outcome)
        self._take_turn()

    def _commit(
        self, group: list[tuple[Batch, asyncio.Future[int]]]
    ) -> tuple[_Plan | None, SessionSharingError | None]:
        """Write a group; runs in the loop or in a thread, never twice at once for one file."""
        started = time.monotonic()
        plan = self._plan([batch for batch, _ in group])
        try:
            if plan.lines:
                self.file.append(plan.lines, sync=self._durability is Durability.DURABLE)
        except SessionSharingError as error:
            return None, error
        if time.monotonic() - started > _SLOW_WRITE:
            self._slow_until = self._loop.time() + _SLOW_FOR
        return plan, None

    def _plan(self, batches: list[Batch]) -> _Plan:
        """Number the records that are new and encode them."""
        plan = _Plan(self._next_seq)
        for batch in batches:
            history = plan.histories.get(batch.client) or self._histories.get(batch.client)
            history = history or ClientHistory()
            known = history.overlap(batch) if batch.client else 0
            first_client_seq = batch.first_client_seq + known
            new = batch.records[known:]
            place = history.place_of(batch.first_client_seq) if known else plan.next_seq
            plan.first_seqs.append(place)
            for index, record in enumerate(new):
                record.seq = plan.next_seq + index
                record.writer = batch.writer
                if batch.client:
                    record.client = batch.client
                    record.client_seq = first_client_seq + index
            if new and batch.client:
                grown = history.extended(first_client_seq, len(new), plan.next_seq)
                plan.histories[batch.client] = grown
            plan.records += new
            plan.next_seq += len(new)
        plan.lines = encode_lines(plan.records)
        return plan

    def _settle(
        self,
        group: list[tuple[Batch, asyncio.Future[int]]],
        plan: _Plan | None,
        error: SessionSharingError | None,
    ) -> None:
        if isinstance(error, ResourceLostError):
            self._lost = error
        if plan is not None:
            self.records_written += plan.next_seq - self._next_seq
            self.bytes_written += len(plan.lines)
            self._next_seq = plan.next_seq
            self._histories.update(plan.histories)
            for listener in self._listeners:
                listener(None)
        for index, (_, answer) in enumerate(group):
            if answer.cancelled():
                continue
            if plan is not None:
                answer.set_result(plan.first_seqs[index])
            elif error is not None:
                answer.set_exception(error)

    async def _finish(self) -> None:
        self._closed = True
        while self._waiting or self._job is not None:
            if self._job is not None:
                await asyncio.wait([self._job])
            self._take_turn()
        for listener in self._listeners:
            listener(None)
        self.file.close()
