"""Check both ends of a log file when it is opened, and repair a torn tail.

Only the head and the tail are read, so that opening takes the same time for every size.
`json-logger verify` checks the whole file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from json_logger_proto.log_files.foreign import refuse_foreign
from json_logger_proto.log_files.lines import (
    NEWLINE,
    LineNumbers,
    is_object,
    numbers_in,
    read_at,
    start_of_line,
)
from session_sharing import NotAResourceError

TAIL_WINDOW = 64 * 1024
"""Bytes at the end whose numbers are read when the file is opened; more if the last line is
longer."""
_HEAD_WINDOW = 16 * 1024
_LONGEST_RECORD = 256 * 1024 * 1024
"""Bytes. A longer last line counts as torn."""
_CHUNK = 1024 * 1024
_LONGEST_NAME = 200
"""Bytes of a log's name that are used in the name of its torn tail; systems allow 255 in all."""


@dataclass(slots=True)
class LogEnd:
    """The end of a log, by which the writer continues it."""

    size: int
    """Size in bytes after the repair; the file ends with a whole line."""
    tail: list[LineNumbers] = field(default_factory=list)
    """Numbers of the last lines, oldest first."""
    tail_is_all: bool = True
    """Whether `tail` has all lines of the file."""
    torn: Path | None = None
    """The file to which a torn tail was moved."""


def inspect_and_repair(handle: int, path: Path) -> LogEnd:
    """Check head and tail of an open log file, and make it end with a whole line.

    Raises:
        NotAResourceError: The file is not a log; nothing was changed.
        OSError: The file cannot be read or repaired.
    """
    size = os.fstat(handle).st_size
    _check_head(handle, path, size)
    whole = _end_of_whole_lines(handle, size)
    last = start_of_line(handle, whole - 1) if whole else 0
    if whole and not _is_log_line(read_at(handle, last, whole - last)):
        raise NotAResourceError(f"{path} is not a log: its last line is not a JSON object.")
    end = LogEnd(whole)
    if _is_whole_record(handle, whole, size):
        _append(handle, size, NEWLINE)
        last, end.size = whole, size + 1
    elif whole < size:
        end.torn = _set_aside(handle, whole, size, path)
        os.truncate(handle, whole)
    window = min(last, start_of_line(handle, max(0, end.size - TAIL_WINDOW)))
    end.tail = numbers_in(read_at(handle, window, end.size - window))
    end.tail_is_all = window == 0
    return end


def _check_head(handle: int, path: Path, size: int) -> None:
    """Refuse a file that was never a log. A file with only a torn first record is a log."""
    head = read_at(handle, 0, min(size, _HEAD_WINDOW))
    refuse_foreign(path, head)
    text = head.lstrip(b"\0 \t\r\n")
    first, newline, _ = text.partition(NEWLINE)
    if text and (not text.startswith(b"{") or (newline and not _is_log_line(first))):
        raise NotAResourceError(f"{path} is not a log: its first line is not a JSON object.")


def _is_log_line(line: bytes) -> bool:
    return is_object(line) or not line.strip()


def _end_of_whole_lines(handle: int, size: int) -> int:
    """Return the offset after the last line that is whole.

    After a power loss, a file can have its full length, but zeros instead of its last data.
    """
    end = start_of_line(handle, size)
    while end > 0:
        start = start_of_line(handle, end - 1)
        if b"\0" not in read_at(handle, start, end - start):
            break
        end = start
    return end


def _is_whole_record(handle: int, start: int, end: int) -> bool:
    """Return whether only the newline of the last line is missing."""
    if not 0 < end - start <= _LONGEST_RECORD:
        return False
    fragment = read_at(handle, start, end - start)
    return NEWLINE not in fragment and is_object(fragment)


def path_aside(path: Path, what: str) -> Path:
    """Return a new path beside a file, for bytes that do not belong to the log."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    name = os.fsencode(path.name)[:_LONGEST_NAME].decode(errors="ignore")
    return path.with_name(f"{name}.{what}-{stamp}")


def _set_aside(handle: int, start: int, end: int, path: Path) -> Path:
    torn = path_aside(path, "torn")
    copy = torn.open("xb")
    try:
        with copy:
            for chunk in _chunks(handle, start, end):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError:
        torn.unlink(missing_ok=True)
        raise
    return torn


def _chunks(handle: int, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _CHUNK):
        yield read_at(handle, offset, min(_CHUNK, end - offset))


def _append(handle: int, size: int, data: bytes) -> None:
    os.lseek(handle, size, os.SEEK_SET)
    os.write(handle, data)
