"""Compare the files of this station with the store, line by line, without moving the lines."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from json_logger_proto.log_files.lines import read_at
from json_logger_proto.log_files.rotated import files_of

from json_logger_server.store.blocks import make_block
from json_logger_server.store.errors import LogRefusedError
from json_logger_server.store.files import FirstLine, first_line, last_number
from json_logger_server.store.statements import Statements
from json_logger_server.store.waveforms import WaveformsBeside, references_in

_WINDOW = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of a log on this station."""

    path: Path
    first: FirstLine
    last_seq: int
    """Number of its last record."""
    size: int
    """Bytes up to the end of its last whole line."""


@dataclass(slots=True)
class Comparison:
    """What a comparison of one file with the store found."""

    file: str
    """Path of the file."""
    equal: int = 0
    """Records that are equal, from the first one on."""
    waveforms: int = 0
    """Waveforms of these records whose samples are equal."""
    other_waveforms: int = 0
    """Waveforms whose samples are only in the file, because they are long."""
    missing: int = 0
    """Records of the file that the store does not have yet."""
    problem: str = ""
    """Why file and store contradict each other; empty if they do not."""

    @property
    def is_equal(self) -> bool:
        """Whether the store has exactly the records of the file."""
        return not self.missing and not self.problem


def local_files(log: Path) -> Iterator[LocalFile]:
    """Yield the files of a log that have a record, the oldest first.

    Raises:
        OSError: A file cannot be read.
    """
    for path, file in files_of(log):
        handle = file.fileno()
        size = os.fstat(handle).st_size
        first = first_line(handle, size)
        if first is not None:
            yield LocalFile(path, first, last_number(handle, size), size)


def stored_logs(store: Statements) -> dict[UUID, Mapping[str, Any]]:
    """Return the logs that the role may see, by their identity."""
    return {row["uid"]: row for row in store.rows("select * from json_logger.logs()")}


def compare(store: Statements, file: LocalFile, stored: Mapping[str, Any] | None) -> Comparison:
    """Compare a file with its log in the store.

    Args:
        store: The store.
        file: The file.
        stored: Its log in the store, from `stored_logs`; None if the store does not have it.
    """
    found = Comparison(str(file.path))
    if stored is None:
        found.missing = file.last_seq - file.first.seq + 1
        return found
    if stored["pruned"] is not None:
        found.problem = f"the store removed its records on {stored['pruned']:%Y-%m-%d}"
        return found
    with file.path.open("rb", buffering=0) as opened:
        try:
            _compare_blocks(store, opened.fileno(), file, stored, found)
        except LogRefusedError as error:
            found.problem = str(error)
    if not found.problem and stored["last_seq"] > file.last_seq:
        found.problem = f"the store has records up to {stored['last_seq']}, which the file has not"
    return found


def _compare_blocks(
    store: Statements, handle: int, file: LocalFile, stored: Mapping[str, Any], found: Comparison
) -> None:
    offset, seq, window = 0, file.first.seq - 1, _WINDOW
    while offset < file.size and seq < stored["last_seq"]:
        data = read_at(handle, offset, min(window, file.size - offset))
        data = data[: data.rfind(b"\n") + 1]
        block = make_block(data, seq, min(sys.maxsize, stored["last_seq"] - seq))
        if not block.end:
            if window >= file.size - offset:
                break
            window *= 4
            continue
        if block.count:
            lines = [block.lines] if block.unreadable else block.lines.split(b"\n")
            same = _equal_lines(store, stored["id"], seq + 1, lines)
            found.equal += same
            if same < block.count:
                found.problem = f"record {seq + same + 1} is another one in the store"
                return
            _compare_waveforms(store, file, stored["id"], block.lines, found)
            if found.problem:
                return
        offset, seq, window = offset + block.end, seq + block.count, _WINDOW
    found.missing = max(0, file.last_seq - seq)


def _compare_waveforms(
    store: Statements, file: LocalFile, log: int, lines: bytes, found: Comparison
) -> None:
    """Compare the samples to which some lines refer."""
    references = references_in(lines, sys.maxsize)
    if not references:
        return
    digests = store.waveform_digests(log, [reference.offset for reference in references])
    with WaveformsBeside(file.path) as waveforms:
        for reference in references:
            digest = digests.get(reference.offset)
            if digest is None:
                found.other_waveforms += 1
                continue
            data = waveforms.read(reference)
            if data is None or hashlib.sha256(data).digest() != digest:
                found.problem = f"the samples at byte {reference.offset} are others in the store"
                return
            found.waveforms += 1


def _equal_lines(store: Statements, log: int, first_seq: int, lines: list[bytes]) -> int:
    """Return how many lines are equal in the store, from the first one on."""
    count, digest = store.digest(log, first_seq, first_seq + len(lines) - 1)
    if count == len(lines) and digest == hashlib.sha256(b"\n".join(lines)).digest():
        return len(lines)
    if len(lines) == 1:
        return 0
    half = len(lines) // 2
    same = _equal_lines(store, log, first_seq, lines[:half])
    return same if same < half else half + _equal_lines(store, log, first_seq + half, lines[half:])
