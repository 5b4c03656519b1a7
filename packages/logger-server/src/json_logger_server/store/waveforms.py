"""Read the samples to which records refer, in pieces that the store takes."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from json_logger_proto.log_files.lines import read_at
from json_logger_proto.log_files.rotated import waveforms_of
from json_logger_proto.log_format import REFERENCE, WAVEFORM_KEY, WaveformReference
from session_sharing.opening import READ_FLAGS

LONGEST_WAVEFORM = 1024 * 1024
"""Bytes up to which a waveform is copied, by default."""

_KEY = WAVEFORM_KEY.encode()
_CHUNK = 256 * 1024
_STATEMENT = 4 * 1024 * 1024
"""Bytes of samples in one statement, more or less."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk of a waveform."""

    start: int
    """Offset of the waveform in the file of waveforms."""
    chunk: int
    """Number of the chunk, from 0."""
    data: bytes


def references_in(lines: bytes, longest: int) -> list[WaveformReference]:
    """Return the references in some lines to waveforms of at most so many bytes."""
    if _KEY not in lines:
        return []
    found = []
    for match in REFERENCE.finditer(lines):
        try:
            reference = WaveformReference.from_json(json.loads(match[1]))
        except (ValueError, RecursionError):
            continue
        if reference.size <= longest:
            found.append(reference)
    return found


class WaveformsBeside:
    """The file of waveforms beside a log or a rotated file; it may be missing."""

    def __init__(self, log: Path) -> None:
        """Open the file.

        Raises:
            OSError: It is there, but cannot be opened.
        """
        self.handle: int | None = None
        """The file descriptor; None if there is no such file."""
        with contextlib.suppress(FileNotFoundError):
            self.handle = os.open(waveforms_of(log), READ_FLAGS)

    def __enter__(self) -> WaveformsBeside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.handle is not None:
            os.close(self.handle)

    def read(self, reference: WaveformReference) -> bytes | None:
        """Return the bytes of the samples; None if the file does not have them as they were.

        Raises:
            OSError: The file cannot be read.
        """
        if self.handle is None:
            return None
        data = read_at(self.handle, reference.offset, reference.size)
        is_whole = len(data) == reference.size and zlib.crc32(data) == reference.crc32
        return data if is_whole else None

    def pieces(self, references: Sequence[WaveformReference]) -> Iterator[list[Piece]]:
        """Yield the samples of some waveforms, as many as fit into one statement at a time.

        What the file does not have as it was is left out: `json-logger verify` tells it.

        Raises:
            OSError: The file cannot be read.
        """
        pieces: list[Piece] = []
        size = 0
        for reference in references:
            data = self.read(reference)
            if data is None:
                continue
            for chunk, begin in enumerate(range(0, len(data) or 1, _CHUNK)):
                pieces.append(Piece(reference.offset, chunk, data[begin : begin + _CHUNK]))
            size += len(data)
            if size >= _STATEMENT:
                yield pieces
                pieces, size = [], 0
        if pieces:
            yield pieces
