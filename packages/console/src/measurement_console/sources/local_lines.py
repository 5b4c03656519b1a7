"""Read the lines of a log on this host, up to a number that its server names.

What the server has written but not acknowledged is not read: the server may remove it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from json_logger_client.records import DiskTail, FileSource
from json_logger_proto.log_files.lines import numbers_of

_LINES = 2000
"""Lines that are returned together."""


class LocalLines:
    """The lines of a log from a record on. Not thread-safe."""

    def __init__(self, path: Path, first: int) -> None:
        """Begin with a record; nothing is read yet.

        Args:
            path: The log.
            first: Number of the first record.
        """
        self._path = path
        self._next = first
        self._tail: DiskTail | None = None

    def up_to(self, last: int) -> Iterator[bytes]:
        """Yield whole lines, some at a time, up to the record with a number.

        Raises:
            OSError: The file cannot be read.
            SessionSharingError: The file is not a log.
        """
        if last < self._next:
            return
        if self._next == 1:  # the whole file: its lines need not be looked for
            for lines in FileSource([self._path]).lines():
                data = self._acknowledged(lines.data.splitlines(), last)
                if data:
                    yield data
            return
        tail = self._open()
        found: list[bytes] = []
        for line in tail.more():
            found.append(line)
            if len(found) >= _LINES:
                yield self._acknowledged(found, last)
                found = []
                if self._tail is not tail:
                    return
        if found:
            yield self._acknowledged(found, last)

    def close(self) -> None:
        """Close the file."""
        if self._tail is not None:
            self._tail.__exit__(None, None, None)
            self._tail = None

    def _open(self) -> DiskTail:
        if self._tail is None:
            self._tail = DiskTail(self._path)
            self._tail.go_to(self._next)
        return self._tail

    def _acknowledged(self, lines: list[bytes], last: int) -> bytes:
        """Return the lines up to a number. If there are later ones, they are read again later."""
        count = len(lines)
        while lines and numbers_of(lines[-1]).seq > last:
            lines.pop()
        for line in reversed(lines):
            if seq := numbers_of(line).seq:
                self._next = seq + 1
                break
        if len(lines) < count:
            self.close()
        return b"\n".join(lines) + b"\n" if lines else b""
