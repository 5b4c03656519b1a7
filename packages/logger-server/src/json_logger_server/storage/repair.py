"""Looks at the two ends of a log file when it is opened, and mends what a crash left.

Only head and tail are read, so that opening takes the same time for every size; the middle is the
business of `json-logger verify`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from session_sharing.core.errors import NotAResourceError

TAIL_WINDOW = 256 * 1024
"""Bytes at the end in which repeated records are recognised."""
_HEAD_WINDOW = 64 * 1024
_NEWLINE = b"\n"


@dataclass(slots=True)
class LogEnd:
    """What the end of a log tells about how to go on."""

    size: int
    """Bytes, after repair; the file ends with a whole line."""
    last_seq: int = 0
    """Sequence number of the last record; 0 when there is none."""
    client_seqs: dict[str, dict[int, int]] = field(default_factory=dict)
    """For each client in the window: its own numbers and their sequence numbers."""
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
    line_end = _end_of_last_line(handle, size)
    fragment = _read(handle, line_end, size - line_end)
    last_line_check = _read(handle, max(0, line_end - TAIL_WINDOW), min(line_end, TAIL_WINDOW))
    end = LogEnd(size)
    lines = last_line_check.split(_NEWLINE)[:-1]
    if line_end > TAIL_WINDOW:
        lines = lines[1:]
    if lines and _parse(lines[-1]) is None:
        raise NotAResourceError(f"{path} is not a log: its last line is not a JSON object.")
    if fragment and _parse(fragment) is not None:
        _append(handle, size, _NEWLINE)
        lines.append(fragment)
        end.size = size + 1
    elif fragment:
        end.torn = _set_aside(path, fragment)
        os.truncate(handle, line_end)
        end.size = line_end
    for line in lines:
        _take_numbers(end, _parse(line))
    return end


def _check_head(handle: int, path: Path, size: int) -> None:
    head = _read(handle, 0, min(size, _HEAD_WINDOW))
    first, newline, _ = head.partition(_NEWLINE)
    if not head:
        return
    whole = bool(newline) and len(first) < _HEAD_WINDOW
    if not head.startswith(b"{") or (whole and _parse(first) is None):
        raise NotAResourceError(f"{path} is not a log: its first line is not a JSON object.")


def _end_of_last_line(handle: int, size: int) -> int:
    """Find the offset behind the last newline, reading backwards."""
    position = size
    while position > 0:
        start = max(0, position - TAIL_WINDOW)
        found = _read(handle, start, position - start).rfind(_NEWLINE)
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _set_aside(path: Path, fragment: bytes) -> Path:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    torn = path.with_name(f"{path.name}.torn-{stamp}")
    torn.write_bytes(fragment)
    return torn


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _take_numbers(end: LogEnd, record: dict[str, Any] | None) -> None:
    seq = (record or {}).get("seq")
    if record is None or not isinstance(seq, int):
        return
    end.last_seq = seq
    client, client_seq = record.get("client"), record.get("client_seq")
    if isinstance(client, str) and isinstance(client_seq, int):
        end.client_seqs.setdefault(client, {})[client_seq] = seq


def _read(handle: int, start: int, length: int) -> bytes:
    os.lseek(handle, start, os.SEEK_SET)
    parts = []
    while length > 0 and (part := os.read(handle, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _append(handle: int, size: int, data: bytes) -> None:
    os.lseek(handle, size, os.SEEK_SET)
    os.write(handle, data)
