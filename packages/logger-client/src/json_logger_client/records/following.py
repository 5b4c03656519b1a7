"""Read the end of a log on disk, and follow it, also when it is rotated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from json_logger_proto.log_files.lines import (
    NEWLINE,
    first_number,
    numbers_of,
    read_at,
    start_of_line,
)
from json_logger_proto.log_files.rotated import files_of, rotated_files
from session_sharing.opening import identity_of

_CHUNK = 256 * 1024


class DiskTail:
    """Reads a log from disk, without its server. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        """Start after the last whole line.

        Raises:
            NotAResourceError: The file is not a log, for example a compressed file.
            OSError: The file cannot be read.
        """
        self._path = path
        self._file = path.open("rb", buffering=0)
        self._position = start_of_line(self._handle, self._size)

    def __enter__(self) -> DiskTail:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def last(self, count: int, accepts: Callable[[bytes], bool] = lambda line: True) -> list[bytes]:
        """Return the last whole lines that are accepted, in their order.

        Raises:
            OSError: A file cannot be read.
        """
        found: list[bytes] = []
        for file in reversed([path for path, _ in files_of(self._path)]):
            with file.open("rb", buffering=0) as part:
                handle = part.fileno()
                end = start_of_line(handle, os.fstat(handle).st_size)
                while end > 0 and len(found) < count:
                    start = start_of_line(handle, end - 1)
                    line = read_at(handle, start, end - start).rstrip(b"\r\n")
                    if accepts(line):
                        found.append(line)
                    end = start
        return found[::-1]

    def go_to(self, seq: int) -> None:
        """Continue with the first record whose number is `seq` or higher, in the file that has it.

        Raises:
            OSError: A file cannot be read.
        """
        first, _ = first_number(self._handle, 0, self._size, self._size)
        earlier = rotated_files(self._path, first or None) if first != seq else []
        if earlier and not 0 < first <= seq:
            older = [rotated for rotated in earlier if rotated.first_seq <= seq]
            self._read((older[-1] if older else earlier[0]).path)
        end = start_of_line(self._handle, self._size)
        while end > 0:
            start = start_of_line(self._handle, end - 1)
            number = numbers_of(read_at(self._handle, start, end - start)).seq
            if number and number < seq:
                break
            end = start
        self._position = end

    def more(self) -> Iterator[bytes]:
        """Yield the whole lines that were added since; after a rotation, also those of later files.

        Raises:
            OSError: A file cannot be read.
        """
        yield from self._lines()
        while self._was_rotated():
            yield from self._lines()  # the lines that were added before the rotation
            self._read(self._following())
            yield from self._lines()

    @property
    def _handle(self) -> int:
        return self._file.fileno()

    @property
    def _size(self) -> int:
        return os.fstat(self._handle).st_size

    def _read(self, path: Path) -> None:
        """Continue at the beginning of another file of the log."""
        self._file.close()
        self._file = path.open("rb", buffering=0)
        self._position = 0

    def _lines(self) -> Iterator[bytes]:
        if self._size < self._position:  # another program has cut it
            self._position = 0
        while data := read_at(self._handle, self._position, _CHUNK):
            end = data.rfind(NEWLINE) + 1
            if not end:
                data = read_at(self._handle, self._position, self._size - self._position)
                end = data.rfind(NEWLINE) + 1
            if not end:
                return
            self._position += end
            yield from data[: end - 1].split(NEWLINE)

    def _was_rotated(self) -> bool:
        try:
            return identity_of(self._path.stat()) != identity_of(os.fstat(self._handle))
        except FileNotFoundError:
            return False

    def _following(self) -> Path:
        """Return the file after the one that is being read: a rotated file, or the log itself."""
        files = rotated_files(self._path)
        identities = [file.identity for file in files]
        here = identity_of(os.fstat(self._handle))
        if here in identities[:-1]:
            return files[identities.index(here) + 1].path
        return self._path
