"""Copy one log with its rotated files into the store, block by block."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from json_logger_proto.log_files.lines import NEWLINE, end_of_line, find_line, numbers_of, read_at
from json_logger_proto.log_files.rotated import rotated_files
from json_logger_proto.store import StoreAwayError
from session_sharing.opening import READ_FLAGS, identity_of

from json_logger_server.storage.log_file import LogFile
from json_logger_server.store.blocks import Block, make_block
from json_logger_server.store.errors import (
    LineRefusedError,
    LogMovedError,
    LogRefusedError,
)
from json_logger_server.store.files import first_line
from json_logger_server.store.pace import Pace
from json_logger_server.store.statements import Statements, StoredLog
from json_logger_server.store.waveforms import (
    LONGEST_WAVEFORM,
    WaveformsBeside,
    references_in,
)

_SETTLED = 2.0
"""Seconds after its last write in which a file that this server has not open may still be changed
by another one."""
_RETRY_REFUSED = 30.0
"""Seconds after which a log that the store refused is tried again."""
_LARGEST_WINDOW = 256 * 1024 * 1024
"""Bytes in which there must be a record."""

Identity = tuple[int, int]


class GrowingLog(Protocol):
    """A log that this server has open."""

    @property
    def file(self) -> LogFile:
        """Its present file. Only `size` bytes of it are there to stay."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it is closed, and everything is written."""
        ...

    def listen(self, listener: Callable[[object], None]) -> Callable[[], None]:
        """Call `listener` after each write and at the end."""
        ...


@dataclass(slots=True)
class _Position:
    """How far a file is copied."""

    path: Path
    identity: Identity
    log: StoredLog
    offset: int
    """Bytes of the file that are copied."""
    last_seq: int
    """Number of the last record that is copied."""
    is_rotated: bool
    """Whether it is a rotated file, which is complete."""


@dataclass(slots=True)
class Copied:
    """What one step did."""

    records: int = 0
    parked: int = 0
    again_in: float | None = None
    """Seconds after which to go on; None when everything is copied, until the log changes."""


@dataclass(slots=True)
class LogCopy:
    """One log on its way into the store. It is used by one thread."""

    path: Path
    """The log itself; its rotated files lie beside it."""
    name: str
    """Its name in the store."""
    station: str
    growing: GrowingLog | None = None
    """The open log, if this server has it open."""
    problem: str = ""
    """Why the log cannot be copied; empty if it can."""
    whole: dict[Identity, int] = field(default_factory=dict)
    """The rotated files whose records are all in the store, and the number of their last record."""
    longest_waveform: int = LONGEST_WAVEFORM
    """Bytes up to which a waveform is copied; 0 for none."""
    _position: _Position | None = None
    _ahead: deque[tuple[Path, Identity]] = field(default_factory=deque)
    """Files that come after the position."""
    _most: int = sys.maxsize
    """Records in a block; fewer while a line is looked for that the store refuses."""

    def step(self, store: Statements, pace: Pace) -> Copied:
        """Copy one block, or find out that everything is copied.

        Raises:
            StoreAwayError: The store cannot be used now. Go on with another connection.
            StoreVersionError: The store does not fit.
        """
        try:
            copied = self._step(store, pace)
        except LogMovedError:
            self.look_again()
            return Copied(again_in=0.0)
        except (LogRefusedError, LineRefusedError) as error:
            return self._refuse(str(error))
        except StoreAwayError:
            self.look_again()  # the store may have the block
            raise
        except FileNotFoundError:
            self.look_again()
            self._let_go_of_ended()
            return Copied()
        except OSError as error:
            return self._refuse(f"{self.path} cannot be read: {error.strerror}.")
        self.problem = ""
        return copied

    def _refuse(self, problem: str) -> Copied:
        self.look_again()
        self.problem = problem
        return Copied(again_in=_RETRY_REFUSED)

    def look_again(self) -> None:
        """Ask the store and the folder again at the next step."""
        self._position = None
        self._ahead.clear()

    def _step(self, store: Statements, pace: Pace) -> Copied:
        grows = self._grows()  # before the size is looked up
        at = self._position or self._find_position(store)
        if at is None:
            unsettled = self._unsettled_for()
            self._let_go_of_ended()
            return Copied(again_in=unsettled)
        try:
            handle = self._open(at)
        except FileNotFoundError:
            self.look_again()  # it was removed or renamed
            return Copied(again_in=0.0)
        with _closing(handle):
            if not at.is_rotated:
                at.is_rotated = self._was_replaced(at)
            limit = self._limit(handle, at)
            if at.offset > limit:
                self.look_again()  # another program has cut it
                return Copied(again_in=self._unsettled_for() or 0.0)
            if at.offset < limit:
                block = self._read(handle, at, limit, pace.bytes)
                if block.end:
                    copied = self._copy(store, pace, handle, at, block)
                    if at.offset >= limit and grows and not at.is_rotated:
                        copied.again_in = None
                    return copied
        if at.is_rotated:
            self._finish(store, at)
            return Copied(again_in=0.0)
        return Copied() if grows else self._end(store, at)

    def _end(self, store: Statements, at: _Position) -> Copied:
        """Note in the store that the log is closed, as soon as nobody can still be writing it."""
        unsettled = self._unsettled_for()
        if unsettled is None:
            store.close_log(at.log, at.last_seq)
            self.growing = None
        return Copied(again_in=unsettled)

    def _grows(self) -> bool:
        return self.growing is not None and not self.growing.ended

    def _let_go_of_ended(self) -> None:
        """Forget an open log that has ended, and has nothing to copy."""
        if not self._grows():
            self.growing = None

    def _find_position(self, store: Statements) -> _Position | None:
        """Find the oldest file with something that the store does not have; the log's own at last.

        Returns:
            The position; None if there is no record yet.
        """
        if not self._ahead:
            self._ahead.extend(self._files())
        while self._ahead:
            path, identity = self._ahead.popleft()
            if identity in self.whole:
                continue
            is_rotated = path != self.path
            with _closing(_open(path)) as handle:
                facts = os.fstat(handle)
                if identity_of(facts) != identity:
                    raise LogMovedError(f"{path} was rotated or replaced meanwhile")
                size = facts.st_size if is_rotated else self._committed(handle)
                at = self._locate(store, handle, path, size)
            if at is None:
                continue
            at.is_rotated = is_rotated
            if not is_rotated or at.offset < size:
                self._position = at
                return at
            self._finish(store, at)
        return None

    def _files(self) -> Iterator[tuple[Path, Identity]]:
        """Yield the files of the log, the oldest first."""
        with _closing(os.open(self.path, READ_FLAGS)) as live:
            facts = os.fstat(live)
            first = first_line(live, facts.st_size)
            before = first.seq if first is not None else None
        here = identity_of(facts)
        for rotated in rotated_files(self.path, before):
            if rotated.identity != here:
                yield rotated.path, rotated.identity
        yield self.path, here

    def _locate(self, store: Statements, handle: int, path: Path, size: int) -> _Position | None:
        """Find in a file the last record that the store has; None if the file has no record.

        Raises:
            LogRefusedError: The file has another record there, or does not have it any more.
        """
        first = first_line(handle, size)
        if first is None:
            return None
        log = store.open_log(first.uid(self.station), self.station, self.name, first.seq)
        offset = _end_of_last(handle, path, size, log) if log.last_seq >= first.seq else 0
        identity = identity_of(os.fstat(handle))
        return _Position(path, identity, log, offset, log.last_seq, is_rotated=False)

    def _copy(
        self, store: Statements, pace: Pace, handle: int, at: _Position, block: Block
    ) -> Copied:
        """Copy one block. A block that the store refuses is halved down to the refused record."""
        copied = Copied(block.count, again_in=0.0)
        if block.count:
            _sync(handle)  # after a power loss, the store must not have more than the file
            began = time.monotonic()
            self._send_waveforms(store, at, block)
            try:
                self._send(store, at, block)
                copied.parked = int(block.unreadable)
            except LineRefusedError as error:
                if block.count > 1:
                    self._most = block.count // 2
                    return Copied(again_in=0.0)
                store.park(at.log, at.last_seq, block, str(error))
                copied.parked = 1
            pace.note(time.monotonic() - began, len(block.lines))
            self._most = min(self._most * 2, sys.maxsize)
        at.last_seq += block.count
        at.offset += block.end
        return copied

    def _send_waveforms(self, store: Statements, at: _Position, block: Block) -> None:
        """Copy the waveforms of a block, so that no record comes before its samples."""
        references = references_in(block.lines, self.longest_waveform)
        if not references:
            return
        with WaveformsBeside(at.path) as waveforms:
            if identity_of(at.path.stat()) != at.identity:
                raise LogMovedError(f"{at.path} was rotated meanwhile")
            if waveforms.handle is not None:
                _sync(waveforms.handle)
            for pieces in waveforms.pieces(references):
                store.store_waveforms(at.log, pieces)

    def _send(self, store: Statements, at: _Position, block: Block) -> None:
        if block.unreadable:
            store.park(at.log, at.last_seq, block, "it is not JSON")
        else:
            store.replicate(at.log, at.last_seq, block)

    def _read(self, handle: int, at: _Position, limit: int, wanted: int) -> Block:
        """Read the next block; it has no lines if there is no record behind the position."""
        while True:
            data = read_at(handle, at.offset, min(limit - at.offset, wanted))
            end = data.rfind(b"\n") + 1
            if not end and at.offset + len(data) < limit:
                end = end_of_line(handle, at.offset + len(data), limit) - at.offset
                data = read_at(handle, at.offset, end)
                end = data.rfind(b"\n") + 1
            block = make_block(data[:end], at.last_seq, self._most)
            if block.end or at.offset + len(data) >= limit:
                return block
            if wanted > _LARGEST_WINDOW:
                raise LogRefusedError(
                    f"{at.path} has no record in the {wanted >> 20} MiB from byte {at.offset} on."
                )
            wanted *= 4

    def _open(self, at: _Position) -> int:
        """Open the file of a position; after a rotation it has another name.

        Raises:
            FileNotFoundError: It is not there any more.
        """
        for path in self._paths_of(at):
            with contextlib.suppress(FileNotFoundError):
                handle = _open(path)
                if identity_of(os.fstat(handle)) == at.identity:
                    at.is_rotated = path != self.path
                    at.path = path
                    return handle
                os.close(handle)
        raise FileNotFoundError(f"{at.path} was removed.")

    def _paths_of(self, at: _Position) -> Iterator[Path]:
        """Yield the paths at which the file of a position may be."""
        yield at.path
        for rotated in rotated_files(self.path):
            yield rotated.path

    def _limit(self, handle: int, at: _Position) -> int:
        """Return the size up to which the file of a position may be copied."""
        return os.fstat(handle).st_size if at.is_rotated else self._committed(handle)

    def _committed(self, handle: int) -> int:
        """Return the size of the log's own file without what its writer may remove again."""
        facts = os.fstat(handle)
        growing = self.growing  # looked up later than the size
        if growing is not None and growing.file.identity == identity_of(facts):
            return growing.file.size
        return facts.st_size if _unsettled_for(facts) is None else 0

    def _unsettled_for(self) -> float | None:
        """Return in how many seconds the log's own file has settled; None if it has."""
        if self.growing is not None:
            return None
        with contextlib.suppress(OSError):
            return _unsettled_for(self.path.stat())
        return None

    def _was_replaced(self, at: _Position) -> bool:
        """Return whether the log's name means another file now: it was rotated."""
        try:
            return identity_of(self.path.stat()) != at.identity
        except FileNotFoundError:
            return False

    def _finish(self, store: Statements, at: _Position) -> None:
        """Note that the store has a rotated file whole, and go on to the next."""
        store.close_log(at.log, at.last_seq)
        self.whole[at.identity] = at.last_seq
        self._position = None


def _end_of_last(handle: int, path: Path, size: int, log: StoredLog) -> int:
    """Return the offset after the last line that the store has.

    Raises:
        LogRefusedError: The file has another record there, or does not have it any more.
    """
    start = find_line(handle, log.last_seq, size)
    while start < size:
        end = end_of_line(handle, start, size)
        line = read_at(handle, start, end - start)
        if hashlib.sha256(line.removesuffix(NEWLINE)).digest() == log.last_sha256:
            return end
        if numbers_of(line).seq == log.last_seq:
            raise LogRefusedError(
                f"Record {log.last_seq} of {path} is not the record that the store has. If the "
                "file was changed or copied, begin a new file."
            )
        start = end if not numbers_of(line).seq else size
    raise LogRefusedError(
        f"{path} ends before record {log.last_seq}, which the store has. If an older copy was put "
        "in its place, put back the newer one."
    )


@contextlib.contextmanager
def _closing(handle: int) -> Iterator[int]:
    try:
        yield handle
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """Open a file to copy it. Windows syncs a file only for a program that may change it."""
    if sys.platform == "win32":
        with contextlib.suppress(PermissionError):
            return os.open(path, READ_FLAGS | os.O_RDWR)
    return os.open(path, READ_FLAGS)


def _sync(handle: int) -> None:
    """Wait until the file is on the disk."""
    try:
        getattr(os, "fdatasync", os.fsync)(handle)
    except OSError:
        if sys.platform != "win32":
            raise


def _unsettled_for(facts: os.stat_result) -> float | None:
    age = time.time() - facts.st_mtime
    return _SETTLED - age if 0 <= age < _SETTLED else None
