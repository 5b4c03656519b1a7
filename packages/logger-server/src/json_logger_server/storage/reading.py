"""Reads a log while its writer writes it: only whole, committed lines."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol

from json_logger_server.storage.lines import (
    NEWLINE,
    end_of_line,
    first_number,
    numbers_of,
    read_at,
    start_of_line,
)
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import system_errors
from json_logger_server.storage.rotated import rotated_files

_CHUNK = 256 * 1024
_NONE = -1
"""No file descriptor."""


class Source(Protocol):
    """One file of a log, as a reader sees it."""

    @property
    def path(self) -> Path:
        """What it is called, in messages."""
        ...

    @property
    def size(self) -> int:
        """Bytes that may be read."""
        ...

    def open_again(self) -> int:
        """Give a descriptor of the reader's own."""
        ...


class CommittedLines:
    """A reader of its own on an open log, its rotated files included.

    Read by one thread at a time, closed by any. It keeps no bytes from one read to the next,
    because those behind the committed ones may yet be cut off again.
    """

    def __init__(self, log: LogFile) -> None:
        """Start at the beginning of the log's present file; it is opened when it is first read."""
        self._log = log
        self._source: Source = log
        self._later: list[Source] = []
        """Files between the one that is read and the log's own."""
        self._handle = _NONE
        self._closed = False
        # Another file could get a descriptor that is closed while it is read.
        self._lock = threading.Lock()
        self.position = 0
        """Offset of the next line in its file."""
        self.next_seq = 1
        """The number to resume from."""

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
        """Close the file, once nobody reads it any more."""
        with self._lock:
            self._closed = True
            self._let_go()

    def seek(self, seq: int) -> None:
        """Go to the first record that is numbered `seq` or higher, by halving its file.

        Lines without a number belong to the next one that has one. Before the numbers of a file
        that was begun by another program there is only the beginning.

        Raises:
            ResourceLostError: The file was deleted or replaced, by a link that leads out, say.
            SessionSharingError: It cannot be opened or read.
        """
        self._choose_source(seq)
        low, high = 0, self._source.size
        # Always: what is numbered and ends before `low` is too low, what begins at `high` is not.
        with self._reading():
            size = self._source.size
            while low < high:
                start = start_of_line(self._handle, (low + high) // 2)
                number, end = first_number(self._handle, start, high, size)
                if number and number < seq:
                    low = end
                else:
                    high = start
        self.position = low
        self.next_seq = max(seq, 1)

    def read(self) -> bytes:
        """Read some more whole lines; empty when there are no more yet.

        Raises:
            ResourceLostError: The file was deleted or replaced, by a link that leads out, say.
            SessionSharingError: It cannot be opened or read.
        """
        data = b""
        more = True
        while not data and more:
            following = self._following()  # first: what has a follower does not grow any more
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
        """Begin in the rotated file that has the record `seq`, or else in the oldest."""
        with system_errors(self._log.path):
            first_seq = self._log.find_first_seq()
            rotated = rotated_files(self._log.path, first_seq) if seq < first_seq else []
        chain: list[Source] = [*rotated, self._log]
        begin = max(0, sum(file.first_seq <= seq for file in rotated) - 1)
        self._go_to(chain[begin])
        self._later = chain[begin + 1 :]

    def _following(self) -> Source | None:
        """Tell which file comes after the one that is read; None at the end of the log."""
        return self._later[0] if self._later else self._log.successor

    def _go_to(self, source: Source) -> None:
        with self._lock:
            self._let_go()
            if self._later:
                del self._later[0]
            elif isinstance(source, LogFile):
                self._log = source
            self._source, self.position = source, 0

    def _let_go(self) -> None:
        if self._handle != _NONE:
            os.close(self._handle)
            self._handle = _NONE

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Have the file open for a while."""
        with self._lock:
            if self._closed:
                raise ValueError("The reader is closed.")
            if self._handle == _NONE:
                self._handle = self._source.open_again()
            with system_errors(self._source.path):
                yield
