"""Looks at the two ends of a log file when it is opened, and mends what a crash left.

Only head and tail are read, so that opening takes the same time for every size; the middle is the
business of `json-logger verify`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from session_sharing import NotAResourceError

from json_logger_server.storage.foreign import refuse_foreign
from json_logger_server.storage.lines import (
    NEWLINE,
    LineNumbers,
    is_object,
    numbers_in,
    read_at,
    start_of_line,
)

TAIL_WINDOW = 64 * 1024
"""Bytes at the end whose numbers are read at open; more when the last line is longer."""
_HEAD_WINDOW = 16 * 1024
_LONGEST_RECORD = 256 * 1024 * 1024
"""Bytes; a fragment that is longer is no record."""
_CHUNK = 1024 * 1024
_LONGEST_NAME = 200
"""Bytes of a log's name that the name of its fragment takes over; systems allow 255 in all."""


@dataclass(slots=True)
class LogEnd:
    """What the end of a log tells about how to go on."""

    size: int
    """Bytes, after repair; the file ends with a whole line."""
    tail: list[LineNumbers] = field(default_factory=list)
    """Numbers of the last lines, oldest first."""
    tail_is_all: bool = True
    """Whether those are all lines that the file has."""
    torn: Path | None = None
    """Where an incomplete last line was set aside."""


def inspect_and_repair(handle: int, path: Path) -> LogEnd:
    """Check head and tail of an open log file and make it end with a whole line.

    Raises:
        NotAResourceError: It is not a log file; nothing was changed.
        OSError: It cannot be read or mended.
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
    """Refuse what was never a log; one whose very first record was torn still is one."""
    head = read_at(handle, 0, min(size, _HEAD_WINDOW))
    refuse_foreign(path, head)
    text = head.lstrip(b"\0 \t\r\n")
    first, newline, _ = text.partition(NEWLINE)
    if text and (not text.startswith(b"{") or (newline and not _is_log_line(first))):
        raise NotAResourceError(f"{path} is not a log: its first line is not a JSON object.")


def _is_log_line(line: bytes) -> bool:
    return is_object(line) or not line.strip()


def _end_of_whole_lines(handle: int, size: int) -> int:
    """Find the offset behind the last line that no crash has torn.

    After a power loss a file can have its length and, at the end, zeros instead of its data.
    """
    end = start_of_line(handle, size)
    while end > 0:
        start = start_of_line(handle, end - 1)
        if b"\0" not in read_at(handle, start, end - start):
            break
        end = start
    return end


def _is_whole_record(handle: int, start: int, end: int) -> bool:
    """Tell whether a file's last line lacks nothing but its newline."""
    if not 0 < end - start <= _LONGEST_RECORD:
        return False
    fragment = read_at(handle, start, end - start)
    return NEWLINE not in fragment and is_object(fragment)


def _set_aside(handle: int, start: int, end: int, path: Path) -> Path:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    name = os.fsencode(path.name)[:_LONGEST_NAME].decode(errors="ignore")
    torn = path.with_name(f"{name}.torn-{stamp}")
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
