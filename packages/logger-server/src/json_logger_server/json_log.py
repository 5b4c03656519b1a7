"""A log file as a resource: commits batches in groups and tells their writers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import enum
import logging
import sys
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from session_sharing.server import (
    Resource,
    ResourceLostError,
    Session,
    SessionExpiredError,
    SessionNotFoundError,
    SessionSharingError,
    StorageFullError,
)

from json_logger_server.batch import PendingBatch
from json_logger_server.history import Numbering, Plan
from json_logger_server.pacing import WritePacing
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.rotated import remove_older
from json_logger_server.storage.rotation import Rotation

_log = logging.getLogger(__name__)

Move = Callable[[Hashable], bool]
"""Tells whoever knows a log by its identity what that will be; False when it must stay."""


class Durability(enum.Enum):
    """What an acknowledged record survives."""

    FLUSHED = "flushed"
    """The end of the server process: it is with the operating system. Fast; the default."""
    DURABLE = "durable"
    """Power loss: it is on the medium. Use it where a record that is lost cannot be measured again;
    every group of records waits for the disk."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """When a log begins a new file, and how long it keeps the old ones."""

    rotate_size: int = 0
    """Bytes from which a file is rotated; 0 for never. Use it for a log that grows for months."""
    keep_days: float = 0.0
    """Age in days, of its last write, from which a rotated file is removed; 0 for never. Use it
    where somebody else keeps the records."""


@dataclass(slots=True)
class Totals:
    """What all logs of a server have written."""

    records: int = 0
    bytes: int = 0
    groups: int = 0

    def add(self, plan: Plan) -> None:
        """Count what was written at once."""
        self.records += len(plan.records)
        self.bytes += len(plan.lines)
        self.groups += 1


@dataclass(slots=True)
class _PendingRotation:
    """A rotation that waits for its turn to have the file."""

    move: Move
    done: asyncio.Future[Path | None]


class JsonLog(Resource):
    """The single writer of a log file. Lives in an event loop; the registry's threads close it.

    A group is what has come in a few turns of the loop, or while another was being written.
    """

    def __init__(
        self,
        file: LogFile,
        loop: asyncio.AbstractEventLoop,
        durability: Durability,
        executor: Executor,
        totals: Totals | None = None,
        limits: FileLimits | None = None,
    ) -> None:
        super().__init__(str(file.path))
        self.file = file
        self.ended = False
        """Nothing is written any more."""
        self._loop = loop
        self._durability = durability
        self._pacing = WritePacing(durable=durability is Durability.DURABLE)
        self._executor = executor
        self._totals = totals or Totals()
        self._limits = limits or FileLimits()
        self._numbering = Numbering(file.end, file.recall)
        self._waiting: list[PendingBatch] = []
        self._scheduled = False
        self._job: asyncio.Future[None] | None = None
        self._closed = False
        self._lost: ResourceLostError | None = None
        self._listeners: list[Callable[[object], None]] = []
        self._rotation: _PendingRotation | None = None
        self._previous: LogFile | None = None
        """The file before the last rotation. It stays open, so that no other file gets its inode
        while the registry still knows the session by it."""
        self._rotate_at = self._limits.rotate_size or sys.maxsize
        """Size at which the file is rotated."""

    @property
    def is_full(self) -> bool:
        """Whether the file has reached the size at which it shall be rotated, and can be."""
        return self.file.size >= self._rotate_at and not self._closed and self._lost is None

    @property
    def last_seq(self) -> int:
        """Sequence number of the last committed record."""
        return self._numbering.next_seq - 1

    def append(self, batch: PendingBatch) -> None:
        """Take a batch, to write it with the next group; call it in the loop.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: The file broke.
        """
        self._check_open()
        batch.settled = self._loop.create_future()
        self._waiting.append(batch)
        if not self._scheduled and self._job is None:
            self._scheduled = True
            self._loop.call_soon(self._let_others_in, self._pacing.turns)

    def rotate(self, move: Move) -> asyncio.Future[Path | None]:
        """Begin a new file after the group that is being written; call it in the loop.

        Args:
            move: Is told the identity of the new file, in a worker thread, before it is the log's.

        Returns:
            What the file is called now; None when it had no numbered record and stays. It fails
            with a `SessionSharingError`; unless that is a `ResourceLostError`, the log goes on in
            its present file.

        Raises:
            SessionExpiredError: The log is closed.
            ResourceLostError: The file broke.
        """
        self._check_open()
        if self._rotation is None:
            self._rotate_at = sys.maxsize
            self._rotation = _PendingRotation(move, self._loop.create_future())
            self._rotation.done.add_done_callback(_tell_failure)
            if self._job is None:
                self._take_turn()
        return self._rotation.done

    def remove_old_files(self) -> None:
        """Remove rotated files that are older than they shall be kept; called in a thread."""
        if not self._limits.keep_days:
            return
        try:
            first_seq = self.file.find_first_seq()
            for path in remove_older(self.file.path, self._limits.keep_days, first_seq):
                _log.info("%s was removed, as it is older than it shall be kept.", path)
        except (OSError, SessionSharingError):
            _log.exception("Old files of %s cannot be removed.", self.name)

    def listen(self, listener: Callable[[object], None]) -> Callable[[], None]:
        """Call `listener` in the loop after every commit and at the end; the result ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def close(self) -> None:
        """Commit what is waiting and close the file; called in a worker thread."""
        finishing = self._finish()
        try:
            finished = asyncio.run_coroutine_threadsafe(finishing, self._loop)
        except RuntimeError:  # the loop is gone, and with it everybody who waited
            finishing.close()
        else:
            while not finished.done() and not self._loop.is_closed():
                concurrent.futures.wait([finished], timeout=1.0)
        try:
            self.file.close()
        finally:
            if self._previous is not None:
                self._previous.close()

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

    def _check_open(self) -> None:
        if self._closed:
            raise SessionExpiredError(f"The session of {self.name} was closed.")
        if self._lost is not None:
            raise self._lost

    def _let_others_in(self, turns: int) -> None:
        """Wait some turns of the loop, so that calls that have arrived share the write."""
        if turns > 1:
            self._loop.call_soon(self._let_others_in, turns - 1)
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
        if self._pacing.may_block_the_loop(sum([batch.size for batch in group])):
            self._commit(group)
            self._settle(group)
        else:
            self._job = asyncio.ensure_future(self._commit_elsewhere(group))

    def _refuse(self, batch: PendingBatch) -> bool:
        """Refuse what may not be written any more, as the file or an earlier batch failed."""
        batch.error = self._lost or batch.refusal()
        if batch.error is None:
            return False
        batch.settle()
        return True

    async def _commit_elsewhere(self, group: list[PendingBatch]) -> None:
        await self._loop.run_in_executor(self._executor, self._commit, group)
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
            self._rotate_at = self.file.size + self._limits.rotate_size
        self._take_turn()

    def _rotate(self, move: Move) -> Path | None:
        """Rotate the file; runs in a thread while nothing is written."""
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
            rotation.give_up()
            raise
        if self._previous is not None:
            self._previous.close()
        self._previous, self.file = file, rotation.next
        rotation.sync_names()
        _log.info("%s goes on in a new file; the one before is %s.", self.name, rotation.rotated)
        self.remove_old_files()
        return rotation.rotated

    def _commit(self, group: list[PendingBatch]) -> None:
        """Write a group; runs in the loop or in a thread, never twice at once for one file."""
        self._pacing.begin_write()
        error = self._write(group)
        if isinstance(error, StorageFullError) and len(group) > 1:
            for batch in group:  # a small one may still fit
                self._write([batch])
        self._pacing.end_write()

    def _write(self, group: list[PendingBatch]) -> SessionSharingError | None:
        """Write batches with one call of the system, all or nothing.

        Returns:
            Why nothing was written.
        """
        try:
            plan = self._numbering.plan(group)
            if plan.lines:
                self.file.append(plan.lines, sync=self._durability is Durability.DURABLE)
        except Exception as error:
            refusal = self._explain(error)
            for batch in group:
                batch.error = refusal
            return refusal
        self._numbering.commit(plan)
        self._totals.add(plan)
        return None

    def _explain(self, error: Exception) -> SessionSharingError:
        """Say in domain terms why nothing was written, and note when nothing ever will be."""
        if not isinstance(error, SessionSharingError):
            _log.error("A group for %s could not be written.", self.name, exc_info=error)
            error = ResourceLostError(f"{self.name}: unexpected {type(error).__name__}.")
        if isinstance(error, ResourceLostError):
            self._lost = error
        return error

    def _settle(self, group: list[PendingBatch]) -> None:
        """Settle the batches of a group, and tell readers that there may be more records."""
        self._pacing.note_group(len(group))
        for batch in group:
            batch.settle()
        for listener in self._listeners:
            listener(None)

    async def _finish(self) -> None:
        """Commit what is waiting; nothing new is taken."""
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
        SessionNotFoundError: The session is of another kind.
    """
    if not isinstance(session.resource, JsonLog):
        raise SessionNotFoundError(f"Session {session.name!r} is not a log.")
    return session.resource


def _tell_failure(rotated: asyncio.Future[Path | None]) -> None:
    """Tell in the log of a rotation that failed, as nobody may be waiting for it."""
    if not rotated.cancelled() and (error := rotated.exception()) is not None:
        _log.warning("A log was not rotated: %s", error)
