"""Check the waveforms to which the records of one file refer."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from json_logger_proto.log_files.rotated import waveforms_of
from json_logger_proto.log_format import (
    WAVEFORM_HEADER,
    WAVEFORM_KEY,
    WaveformReference,
    aligned,
)

_CHUNK = 1024 * 1024


class WaveformChecker:
    """Checks the references of a log or a rotated file, record by record, against the samples."""

    def __init__(self, log: Path) -> None:
        """Start before the first record. The file of waveforms is opened when it is needed."""
        self._path = waveforms_of(log)
        self._file: BinaryIO | None = None
        self._end = 0
        """Offset after the last waveform."""
        self.count = 0
        """Number of waveforms so far."""

    def close(self) -> None:
        """Close the file of waveforms."""
        if self._file is not None:
            self._file.close()

    def check(self, record: dict[str, Any]) -> str:
        """Check the waveforms of the next record. Return what is wrong, or an empty text."""
        for fields in _references(record):
            try:
                reference = WaveformReference.from_json(fields)
            except (ValueError, TypeError) as error:
                return f"its reference to a waveform is wrong: {error}"
            reason = self._open() or self._check(reference)
            if reason:
                return reason
            self._end = reference.end
            self.count += 1
        return ""

    def _open(self) -> str:
        if self._file is not None:
            return ""
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError as error:
            return f"its waveform cannot be read: {self._path}: {error.strerror}"
        if self._file.read(len(WAVEFORM_HEADER)) != WAVEFORM_HEADER:
            return f"{self._path} does not begin like a file of waveforms"
        self._end = len(WAVEFORM_HEADER)
        return ""

    def _check(self, reference: WaveformReference) -> str:
        assert self._file is not None  # `_open` comes first
        offset = reference.offset
        if offset != aligned(offset) or offset < self._end:
            return f"its waveform cannot begin at {offset}, after another that ends at {self._end}"
        if reference.end > os.fstat(self._file.fileno()).st_size:
            return f"{self._path} ends before the waveform at {offset} does"
        self._file.seek(offset)
        found, left = 0, reference.size
        while left > 0 and (chunk := self._file.read(min(left, _CHUNK))):
            found = zlib.crc32(chunk, found)
            left -= len(chunk)
        if found != reference.crc32:
            return f"the samples at {offset} in {self._path} have another checksum"
        return ""


def _references(value: Any) -> Iterator[Any]:
    """Yield what stands behind each key of a waveform, in the order of the line."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == WAVEFORM_KEY:
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
