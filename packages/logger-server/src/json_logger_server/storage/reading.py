"""Reads a log while its writer writes it: only whole, committed lines."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from json_logger_server.storage.lines import NEWLINE, numbers_of, read_at, start_of_line
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import system_errors

_CHUNK = 256 * 1024
_NONE = -1
"""No file descriptor."""


class CommittedLines:
    """A reader of its own on an open log file. Read by one thread at a time, closed by any.

    It keeps no bytes from one read to the next, because those behind the committed ones may yet be
    cut off again.
    """

    def __init__(self, log: LogFile) -> None:
        """Start at the file's beginning; it is opened when it is first read."""
        self._log = log
        self._handle = _NONE
        self._closed = False
        # Another file could get a descriptor that is closed while it is read.
        self._lock = threading.Lock()
        self.position = 0
        """Offset of the next line."""
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
            if self._handle != _NONE:
                os.close(self._handle)

    def seek(self, seq: int) -> None:
        """Go to the first record that is numbered `seq` or higher, by halving the file.

        Lines without a number belong to the next one that has one. Before the numbers of a file
        that was begun by another program there is only the beginning.

        Raises:
            ResourceLostError: The file was deleted or replaced, by a link that leads out, say.
            SessionSharingError: It cannot be opened or read.
        """
        low, high = 0, self._log.size
        # Always: what is numbered and ends before `low` is too low, what begins at `high` is not.
        with self._reading():
            while low < high:
                start = start_of_line(self._handle, (low + high) // 2)
                number, end = self._first_number(start, high)
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
        available = self._log.size - self.position
        with self._reading():
            data = read_at(self._handle, self.position, min(available, _CHUNK))
            end = data.rfind(NEWLINE) + 1
            if data and not end:
                end = self._end_of_line(self.position + len(data)) - self.position
                data = read_at(self._handle, self.position, end)
        data = data[:end]
        self.position += len(data)
        if data:
            last = data[data.rfind(NEWLINE, 0, -1) + 1 :]
            self.next_seq = max(self.next_seq, numbers_of(last).seq + 1)
        return data

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Have the file open for a while."""
        with self._lock:
            if self._closed:
                raise ValueError("The reader is closed.")
            if self._handle == _NONE:
                self._handle = self._log.open_again()
            with system_errors(self._log.path):
                yield

    def _first_number(self, start: int, limit: int) -> tuple[int, int]:
        """Find the first number of the lines that begin before `limit`, and where its line ends."""
        while start < limit:
            end = self._end_of_line(start)
            number = numbers_of(read_at(self._handle, start, end - start)).seq
            if number:
                return number, end
            start = end
        return 0, limit

    def _end_of_line(self, offset: int) -> int:
        """Find the offset behind the newline at `offset` or later."""
        while chunk := read_at(self._handle, offset, min(_CHUNK, self._log.size - offset)):
            found = chunk.find(NEWLINE)
            if found >= 0:
                return offset + found + 1
            offset += len(chunk)
        return self._log.size
