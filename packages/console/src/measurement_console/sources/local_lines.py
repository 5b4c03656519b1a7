"""Read the lines of a log on this host, up to a number that its server names.

What the server has written but not acknowledged is not read: the server may remove it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from json_logger_proto.log_files.lines import (
    NEWLINE,
    end_of_line,
    find_line,
    first_number,
    numbers_of,
    read_at,
)
from json_logger_proto.log_files.rotated import rotated_files
from session_sharing.opening import identity_of

_CHUNK = 512 * 1024


class LocalLines:
    """The lines of a log and of its rotated files, from a record on. Not thread-safe."""

    def __init__(self, path: Path, first: int) -> None:
        """Begin with a record; nothing is read yet.

        Args:
            path: The log.
            first: Number of the first record.
        """
        self._path = path
        self._next = first
        self._file: BinaryIO | None = None
        self._position = 0

    def up_to(self, last: int) -> Iterator[bytes]:
        """Yield whole lines, some at a time, up to the record with a number.

        Raises:
            OSError: A file cannot be read.
        """
        while self._next <= last:
            file = self._file or self._open_first()
            data = self._read_whole_lines(file.fileno())
            lines = _up_to(data, last)
            if lines:
                self._position += len(lines)
                self._next = max(self._next, numbers_of(_last_line(lines)).seq + 1)
                yield lines
            if len(lines) < len(data) or (not lines and not self._open_following(file)):
                return

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read_whole_lines(self, handle: int) -> bytes:
        data = read_at(handle, self._position, _CHUNK)
        end = data.rfind(NEWLINE) + 1
        if data and not end:  # a long line
            size = os.fstat(handle).st_size
            long = end_of_line(handle, self._position + len(data), size) - self._position
            data = read_at(handle, self._position, long)
            end = data.rfind(NEWLINE) + 1
        return data[:end]

    def _open_first(self) -> BinaryIO:
        """Open the file with the first record that is wanted."""
        file = self._open(self._path)
        size = os.fstat(file.fileno()).st_size
        first, _ = first_number(file.fileno(), 0, size, size)
        older = [rotated for rotated in rotated_files(self._path) if rotated.first_seq < first]
        if older and self._next < first:
            begun = [rotated for rotated in older if rotated.first_seq <= self._next]
            file = self._open((begun[-1] if begun else older[0]).path)
        handle = file.fileno()
        self._position = find_line(handle, self._next, os.fstat(handle).st_size)
        return file

    def _open_following(self, file: BinaryIO) -> bool:
        """Open the file after one that is read to its end; return False if it is the last."""
        here = identity_of(os.fstat(file.fileno()))
        if here == identity_of(self._path.stat()):
            return False
        files = rotated_files(self._path)
        places = [rotated.identity for rotated in files]
        number = places.index(here) + 1 if here in places else len(files)
        self._open(files[number].path if number < len(files) else self._path)
        return True

    def _open(self, path: Path) -> BinaryIO:
        self.close()
        self._file = path.open("rb", buffering=0)
        self._position = 0
        return self._file


def _up_to(lines: bytes, last: int) -> bytes:
    """Return the lines up to the record with a number."""
    end = len(lines)
    while end:
        start = lines.rfind(NEWLINE, 0, end - 1) + 1
        if numbers_of(lines[start:end]).seq <= last:
            break
        end = start
    return lines[:end]


def _last_line(lines: bytes) -> bytes:
    return lines[lines.rfind(NEWLINE, 0, -1) + 1 :]
