"""Reads a log while its writer writes it: only whole, committed lines."""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO

import msgspec

from json_logger_server.storage.log_file import LogFile

_CHUNK = 256 * 1024


class _Numbered(msgspec.Struct):
    seq: int = 0


class CommittedLines:
    """A reader of its own on an open log file. Used by one thread at a time."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._file: BinaryIO = log.path.open("rb")

    def __enter__(self) -> CommittedLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def seek(self, seq: int) -> int:
        """Go to the first record that is numbered `seq` or higher, by halving the file.

        Returns:
            The number of the record that comes next.
        """
        low, high = 0, self._log.size
        while low < high:
            middle = (low + high) // 2
            start, number = self._line_after(middle)
            if start >= high or number >= seq:
                high = middle
            else:
                low = start
                if self._after_line(start) >= high:
                    low = high
        start, number = self._line_after(low)
        self._file.seek(start)
        return number

    def read(self) -> bytes:
        """Read some more whole lines; empty when there are no more yet."""
        start = self._file.tell()
        available = self._log.size - start
        data = self._file.read(min(available, _CHUNK))
        if len(data) < available:
            while not data.endswith(b"\n"):
                data += self._file.readline()
        return data

    def _line_after(self, position: int) -> tuple[int, int]:
        """Find the first line that begins at `position` or later, and its number."""
        if position:
            self._file.seek(position - 1)
            self._file.readline()
        else:
            self._file.seek(0)
        start = self._file.tell()
        line = self._file.readline()
        if start >= self._log.size or not line:
            return self._log.size, 1 << 63
        return start, _number(line)

    def _after_line(self, start: int) -> int:
        self._file.seek(start)
        self._file.readline()
        return self._file.tell()


def _number(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Numbered).seq
    except msgspec.DecodeError:
        return 0
