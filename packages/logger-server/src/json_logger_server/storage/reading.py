"""Read the acknowledged lines of a log while its writer writes it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol

from json_logger_proto.log_files.lines import (
    NEWLINE,
    end_of_line,
    find_line,
    numbers_of,
    read_at,
)
from json_logger_proto.log_files.rotated import rotated_files
from session_sharing.file_errors import system_errors

from json_logger_server.storage.log_file import LogFile

_CHUNK = 256 * 1024
_NONE = -1
"""No file descriptor."""


class Source(Protocol):
    """One file of a log, as a reader sees it."""

    @property
    def path(self) -> Path:
        """Path of the file, for messages."""
        ...

    @property
    def size(self) -> int:
        """Number of bytes that may be read."""
        ...

    def open_again(self) -> int:
        """Open the file again for the reader; return the file descriptor."""
        ...


class CommittedLines:
    """Reads the written lines of an open log and of its rotated files.

    One thread at a time may read; any thread may close. The reader keeps no bytes from one read to
    the next, because the writer may remove bytes of an unfinished group again.
    """

    def __init__(self, log: LogFile) -> None:
        """Start at the beginning of the log's present file, which is opened by the first read."""
        self._log = log
        self._source: Source = log
        self._later: list[Source] = []
        """The files after the one that is being read; the last is the log's own."""
        self._handle = _NONE
        self._closed = False
        # If a file descriptor were closed during a read, another file could get it.
        self._lock = threading.Lock()
        self.position = 0
        """Offset of the next line in its file."""
        self.next_seq = 1
        """Number of the next record."""

    def __enter__(self) -> CommittedLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, after a read that is in progress."""
        with self._lock:
            self._closed = True
            self._close_handle()

    def seek(self, seq: int) -> None:
        """Go to the first record with the number `seq` or higher, by a binary search in its file.

        A line without a number belongs to the next numbered line. If another program began the
        file, and `seq` is lower than all its numbers, go to the beginning.

        Raises:
            ResourceLostError: The file was deleted or replaced.
            SessionSharingError: The file cannot be opened or read.
        """
        self._choose_source(seq)
        with self._reading():
            self.position = find_line(self._handle, seq, self._source.size)
        self.next_seq = max(seq, 1)

    def read(self) -> bytes:
        """Return some more whole lines; nothing if there are no more yet.

        Raises:
            ResourceLostError: The file was deleted or replaced.
            SessionSharingError: The file cannot be opened or read.
        """
        data = b""
        more = True
        while not data and more:
            following = self._following()  # before reading: a file with a follower grows no more
            data = self._read_some()
            more = following is not None
            if following is not None and not data:
                self._go_to(following)
        return data

    def _read_some(self) -> bytes:
        available = self._source.size - self.position
        with self._reading():
            data = read_at(self._handle, self.position, min(available, _CHUNK))
            end = data.rfind(NEWLINE) + 1
            if data and not end:
                size = self._source.size
                end = end_of_line(self._handle, self.position + len(data), size) - self.position
                data = read_at(self._handle, self.position, end)
        data = data[:end]
        self.position += len(data)
        if data:
            last = data[data.rfind(NEWLINE, 0, -1) + 1 :]
            self.next_seq = max(self.next_seq, numbers_of(last).seq + 1)
        return data

    def _choose_source(self, seq: int) -> None:
        """Begin in the rotated file with the record `seq`, or in the oldest file."""
        with system_errors(self._log.path):
            first_seq = self._log.find_first_seq()
            rotated = rotated_files(self._log.path, first_seq) if seq < first_seq else []
        chain: list[Source] = [*rotated, self._log]
        begin = max(0, sum(file.first_seq <= seq for file in rotated) - 1)
        self._go_to(chain[begin])
        self._later = chain[begin + 1 :]

    def _following(self) -> Source | None:
        """Return the file after the one that is being read; None at the end of the log."""
        return self._later[0] if self._later else self._log.successor

    def _go_to(self, source: Source) -> None:
        with self._lock:
            self._close_handle()
            if self._later:
                del self._later[0]
            elif isinstance(source, LogFile):
                self._log = source
            self._source, self.position = source, 0

    def _close_handle(self) -> None:
        if self._handle != _NONE:
            os.close(self._handle)
            self._handle = _NONE

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Keep the file open during the block."""
        with self._lock:
            if self._closed:
                raise ValueError("The reader is closed.")
            with system_errors(self._source.path):
                if self._handle == _NONE:
                    self._handle = self._source.open_again()
                yield
