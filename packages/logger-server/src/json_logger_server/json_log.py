"""The resource of a log session: it writes batches in groups, and then answers their writers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import enum
import logging
import sys
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import msgspec
from json_logger_proto.log_files.rotated import RotatedFile
from session_sharing.server import (
    Resource,
    ResourceLostError,
    Session,
    SessionExpiredError,
    SessionNotFoundError,
    SessionSharingError,
)

from json_logger_server.batch import PendingBatch
from json_logger_server.history import Numbering, Plan
from json_logger_server.pacing import WritePacing
from json_logger_server.records import SessionContext
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.rotated import remove_older
from json_logger_server.storage.rotation import Rotation

_log = logging.getLogger(__name__)

Move = Callable[[Hashable], bool]
"""Announces the new identity of a log to the registry. Returns False when the log must not move."""


class Durability(enum.Enum):
    """The event that an acknowledged record survives."""

    FLUSHED = "flushed"
    """The end of the server process: the operating system has the record. Use it in most cases; it
    is fast, and the default."""
    DURABLE = "durable"
    """Power loss: the record is on the disk. Use it when a lost record cannot be measured again.
    Every group of records then waits for the disk."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """When a log begins a new file, and how long it keeps the old files."""

    rotate_size: int = 0
    """Size in bytes, waveforms included, at which a file is rotated; 0 for never. Use it for a log
    that grows for months."""
    keep_days: float = 0.0
    """Days after its last write at which a rotated file is removed; 0 for never. Use it when the
    records are also kept elsewhere. A server with a store removes only files that the store has
    whole."""


@dataclass(slots=True)
class Totals:
    """Counts of everything that all logs of a server have written."""

    records: int = 0
    bytes: int = 0
    groups: int = 0

    def add(self, plan: Plan) -> None:
        """Count one group that was written."""
        self.records += len(plan.records)
        self.bytes += len(plan.lines) + sum(one.reference.size for one in plan.waveforms)
        self.groups += 1


@dataclass(slots=True)
class _PendingRotation:
    """A rotation that waits until no group is being written."""

    move: Move
    done: asyncio.Future[Path | None]


class JsonLog(Resource):
    """The only writer of a log file. It runs in an event loop; a thread of the registry closes it.

    A group is all batches that arrived close together, or during the write before.
    """

    def __init__(
        self,
        file: LogFile,
        loop: asyncio.AbstractEventLoop,
        durability: Durability,
        executor: Executor,
        totals: Totals | None = None,
        limits: FileLimits | None = None,
        may_remove: Callable[[RotatedFile], bool] | None = None,
    ) -> None:
        """Take over an open file.

        Args:
            file: The file.
            loop: The event loop in which the log runs.
            durability: The event that an acknowledged record survives.
            executor: Threads that write.
            totals: Counts of all logs of the server.
            limits: When the file is rotated, and how long rotated files are kept.
            may_remove: Says whether an old rotated file has a copy elsewhere, if it must have one.
        """
        super().__init__(str(file.path))
        self.file = file
        self.ended = False
        """Whether the log is closed and everything is written."""
        self._context: SessionContext | None = None
        """Gives its keys to the records that lack them."""
        self._loop = loop
        self._durability = durability
        self._pacing = WritePacing(durable=durability is Durability.DURABLE)
        self._executor = executor
        self._totals = totals or Totals()
        self._limits = limits or FileLimits()
        self._may_remove = may_remove or (lambda _: True)
        self._numbering = Numbering(file.end, file.recall)
        self._waiting: list[PendingBatch] = []
        self._scheduled = False
        self._job: asyncio.Future[None] | None = None
        self._closed = False
        self._file_use = threading.Lock()
        """Held by whoever writes, rotates or closes: another file can get the number of a closed
        descriptor."""
        self._file_is_closed = False
        self._lost: ResourceLostError | None = None
        self._listeners: list[Callable[[object], None]] = []
        self._rotation: _PendingRotation | None = None
        self._previous: LogFile | None = None
        """The file before the last rotation. It stays open: otherwise another file could get its
        inode, by which the registry still knows the session."""
        self._rotate_at = self._limits.rotate_size or sys.maxsize
        """Size at which the file is rotated."""

    @property
    def is_full(self) -> bool:
        """Whether the files have reached the size for rotation, and can be rotated."""
        return self.file.total_size >= self._rotate_at and not self._closed and self._lost is None

    @property
    def last_seq(self) -> int:
        """Sequence number of the last record in the file."""
        return self._numbering.next_seq - 1

    def append(self, batch: PendingBatch) -> None:
        """Take a batch, and write it with the next group. Call this in the loop.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: An earlier error has made the file unusable.
        """
        self._check_open()
        batch.settled = self._loop.create_future()
        if self._context is not None:
            for record in batch.records:
                self._context.complete(record)
        self._waiting.append(batch)
        if batch.after is not None and not batch.after.settled.done():
            self._pacing.expect_others()
        if self._scheduled:
            self._pacing.note_batch()
        elif self._job is None:
            self._scheduled = True
            self._pacing.begin_group()
            self._loop.call_soon(self._wait_for_others)

    def set_context(self, context: SessionContext) -> None:
        """Give the keys of a context to all records from now on that lack them.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: An earlier error has made the file unusable.
        """
        self._check_open()
        self._context = context

    def rotate(self, move: Move) -> asyncio.Future[Path | None]:
        """Begin a new file after the group that is being written. Call this in the loop.

        Args:
            move: Gets the identity of the new file, in a worker thread, before the log uses it.

        Returns:
            A future with the new path of the old file; None if the file had no numbered record, and
            was not rotated. The future can fail with a `SessionSharingError`. Unless that is a
            `ResourceLostError`, the log continues in its present file.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: An earlier error has made the file unusable.
        """
        self._check_open()
        if self._rotation is None:
            self._rotate_at = sys.maxsize
            self._rotation = _PendingRotation(move, self._loop.create_future())
            self._rotation.done.add_done_callback(_log_failure)
            if self._job is None:
                self._take_turn()
        return self._rotation.done

    def remove_old_files(self) -> None:
        """Remove the rotated files that are older than `keep_days`. Called in a worker thread."""
        if not self._limits.keep_days:
            return
        try:
            first_seq = self.file.find_first_seq()
            days, may_remove = self._limits.keep_days, self._may_remove
            for path in remove_older(self.file.path, days, first_seq, may_remove):
                _log.info("The server removed %s, because it is older than --keep allows.", path)
        except (OSError, SessionSharingError):
            _log.exception("The server cannot remove old files of %s.", self.name)

    def listen(self, listener: Callable[[object], None]) -> Callable[[], None]:
        """Call `listener` in the loop after each write and at the end; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def close(self) -> None:
        """Write the waiting batches and close the file. Called in a worker thread."""
        finishing = self._finish()
        try:
            finished = asyncio.run_coroutine_threadsafe(finishing, self._loop)
        except RuntimeError:  # the loop has ended, and with it every caller that waited
            finishing.close()
        else:
            while not finished.done() and not self._loop.is_closed():
                concurrent.futures.wait([finished], timeout=1.0)
        with self._file_use:
            self._file_is_closed = True
            try:
                self.file.close()
            finally:
                if self._previous is not None:
                    self._previous.close()

    def describe(self) -> Mapping[str, str]:
        """Return the path of the file, its durability, last number and size."""
        facts = {
            "path": self.name,
            "durability": self._durability.value,
            "last_seq": str(self.last_seq),
            "bytes": str(self.file.size),
        }
        if self._context is not None:
            facts["context"] = msgspec.json.encode(self._context).decode()
        if self.file.waveforms.size:
            facts["waveform_bytes"] = str(self.file.waveforms.size)
        if self.file.end.torn is not None:
            facts["torn_record_set_aside"] = str(self.file.end.torn)
        return facts

    def _check_open(self) -> None:
        if self._closed:
            raise SessionExpiredError(f"The session of {self.name} was closed.")
        if self._lost is not None:
            raise self._lost

    def _check_file(self) -> None:
        """Refuse to use a file that was closed while the event loop was ending."""
        if self._file_is_closed:
            raise SessionExpiredError(f"The session of {self.name} was closed.")

    def _wait_for_others(self) -> None:
        """Wait some turns of the loop, so that calls that have already arrived share the write."""
        if self._pacing.waits_for_others():
            self._loop.call_soon(self._wait_for_others)
        else:
            self._take_turn()

    def _take_turn(self) -> None:
        self._scheduled = False
        if self._job is not None:
            return
        if self._rotation is not None:
            self._job = asyncio.ensure_future(self._rotate_elsewhere(self._rotation))
            return
        waiting, self._waiting = self._waiting, []
        group = [batch for batch in waiting if not self._refuse(batch)]
        if not group:
            return
        if self._is_quick(group):
            self._commit(group)
            self._settle(group)
        else:
            self._job = self._loop.run_in_executor(self._executor, self._commit, group)
            self._job.add_done_callback(lambda _: self._finish_commit(group))

    def _is_quick(self, group: list[PendingBatch]) -> bool:
        """Return whether a group may be written in the event loop."""
        if any(batch.waveforms for batch in group) and not self.file.waveforms.is_ready:
            return False
        return self._pacing.may_block_the_loop(sum([batch.size for batch in group]))

    def _refuse(self, batch: PendingBatch) -> bool:
        """Refuse a batch that must not be written, because the file or an earlier batch failed."""
        batch.error = self._lost or batch.refusal()
        if batch.error is None:
            return False
        batch.settle()
        return True

    def _finish_commit(self, group: list[PendingBatch]) -> None:
        """Settle a group that a thread has written, and write the next one."""
        self._job = None
        self._settle(group)
        self._take_turn()

    async def _rotate_elsewhere(self, rotation: _PendingRotation) -> None:
        answer = rotation.done
        try:
            rotated = await self._loop.run_in_executor(self._executor, self._rotate, rotation.move)
        except Exception as error:
            failure = self._explain(error)
            if not answer.done():
                answer.set_exception(failure)
        else:
            if not answer.done():
                answer.set_result(rotated)
        self._rotation = self._job = None
        if self._limits.rotate_size:
            self._rotate_at = self.file.total_size + self._limits.rotate_size
        self._take_turn()

    def _rotate(self, move: Move) -> Path | None:
        """Rotate the file. Runs in a thread while nothing is written."""
        with self._file_use:
            self._check_file()
            return self._rotate_now(move)

    def _rotate_now(self, move: Move) -> Path | None:
        if self._lost is not None:
            raise self._lost
        file = self.file
        if not file.size or not file.find_first_seq():
            return None
        rotation = Rotation(file, sync=self._durability is Durability.DURABLE)
        try:
            if not move(rotation.next.identity):
                raise SessionExpiredError(f"The session of {self.name} was closed.")
            rotation.finish(self._numbering.next_seq)
        except BaseException:
            move(file.identity)
            rotation.cancel()
            raise
        if self._previous is not None:
            self._previous.close()
        self._previous, self.file = file, rotation.next
        rotation.sync_names()
        _log.info(
            "%s continues in a new file. The old file is now %s.", self.name, rotation.rotated
        )
        self.remove_old_files()
        return rotation.rotated

    def _commit(self, group: list[PendingBatch]) -> None:
        """Write a group. Runs in the loop or in a thread, but never twice at once for one file."""
        self._pacing.begin_write()
        with self._file_use:
            error = self._write(group)
            if error is not None and self._lost is None and len(group) > 1:
                for batch in group:  # a small batch may still fit, or have no wrong waveform
                    self._write([batch])
        self._pacing.end_write()

    def _write(self, group: list[PendingBatch]) -> SessionSharingError | None:
        """Write all batches together, or nothing.

        Returns:
            The reason why nothing was written; None if everything was written.
        """
        try:
            self._check_file()
            sync = self._durability is Durability.DURABLE
            has_waveforms = any(batch.waveforms for batch in group)
            end = self.file.waveforms.prepare(sync=sync) if has_waveforms else 0
            plan = self._numbering.plan(group, end)
            if plan.lines:
                self.file.append(plan.lines, plan.waveforms, sync=sync)
        except Exception as error:
            refusal = self._explain(error)
            for batch in group:
                batch.error = refusal
            return refusal
        self._numbering.commit(plan)
        self._totals.add(plan)
        return None

    def _explain(self, error: Exception) -> SessionSharingError:
        """Return why nothing was written, and note an error after which nothing can be written."""
        if not isinstance(error, SessionSharingError):
            _log.error("The server could not write records to %s.", self.name, exc_info=error)
            error = ResourceLostError(
                f"The server could not write to {self.name}: unexpected {type(error).__name__}; "
                "the server's log has the details."
            )
        if isinstance(error, ResourceLostError):
            self._lost = error
        return error

    def _settle(self, group: list[PendingBatch]) -> None:
        """Settle the batches of a group, and wake the readers of the log."""
        self._pacing.note_group(len(group))
        for batch in group:
            batch.settle()
        for listener in self._listeners:
            listener(None)

    async def _finish(self) -> None:
        """Write the waiting batches. From now on, no new batch is taken."""
        self._closed = True
        while self._waiting or self._job is not None or self._rotation is not None:
            if self._job is not None:
                await asyncio.wait([self._job])
            self._take_turn()
        self.ended = True
        for listener in self._listeners:
            listener(None)


def log_of(session: Session) -> JsonLog:
    """Return the log that a session owns.

    Raises:
        SessionNotFoundError: The session's resource is not a log.
    """
    if not isinstance(session.resource, JsonLog):
        raise SessionNotFoundError(f"Session {session.name!r} is not a log.")
    return session.resource


def _log_failure(rotated: asyncio.Future[Path | None]) -> None:
    """Report a failed rotation in the server's log, because no caller may be waiting for it."""
    if not rotated.cancelled() and (error := rotated.exception()) is not None:
        _log.warning("The server could not rotate a log: %s", error)
