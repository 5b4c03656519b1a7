"""Facts about the files of a log, for the programs that write and read them.

A waveform is an array of numbers. Its samples stand, as they are in memory, in a second file beside
the log. The record has a reference in the array's place: ``{"$waveform": {"offset": …, …}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import PurePath
from typing import Any, TypeVar

__all__ = [
    "LARGEST_NUMBER",
    "LOG_SUFFIXES",
    "PLACEHOLDER",
    "REFERENCE",
    "WAVEFORM_ALIGNMENT",
    "WAVEFORM_HEADER",
    "WAVEFORM_KEY",
    "WAVEFORM_SUFFIX",
    "WaveformReference",
    "aligned",
    "first_seq_in_name",
    "log_name",
    "rotated_path",
    "waveform_file_name",
]

LARGEST_NUMBER = (1 << 53) - 1
"""Largest number that the server gives. Not every JSON reader reads larger ones exactly."""

LOG_SUFFIXES = (".ndjson", ".jsonl", ".json", ".log", ".txt")
"""Endings of a log file's name. The reference server accepts .ndjson, .log and .txt."""

WAVEFORM_KEY = "$waveform"
"""The only key of the JSON object that refers to a waveform."""

WAVEFORM_SUFFIX = ".waveforms"
"""Ending of the name of the file that has the samples."""

WAVEFORM_ALIGNMENT = 64
"""The offset of each waveform in its file is a multiple of this number of bytes."""

WAVEFORM_HEADER = b"json-logger waveforms 1".ljust(WAVEFORM_ALIGNMENT - 1) + b"\n"
"""The first bytes of a file of waveforms. By them, the server knows that the file is its own."""

REFERENCE = re.compile(
    rb'\{"\$waveform":(\{"offset":[0-9]{1,16},(?:[^"{}]|"(?:[^"\\]|\\.){0,500}"){0,2000}\})\}',
    re.DOTALL,
)
"""A reference in a line of a log; its group is the value of the key. The client writes it so, and
the server accepts no other form. In a JSON text this can be nothing else, because a quotation mark
inside a string has a backslash before it."""

PLACEHOLDER = b'{"$waveform":{"offset":0,'
"""The beginning of a reference that the client sends. The server puts the offset in."""

_OWN_SUFFIX = ".ndjson"
_ROTATED_NAME = re.compile(r"(?P<stem>.+)\.(?P<first>[1-9][0-9]{0,15})(?P<suffix>\.[^.]+)")
_DTYPE = re.compile(r"\|[biu]1|<(?:[iu][248]|f[248]|c(?:8|16))")


_Path = TypeVar("_Path", bound=PurePath)


def rotated_path(log: _Path, first_seq: int) -> _Path:
    """Return the path of a log's rotated file whose first record has the number `first_seq`."""
    return log.with_name(f"{log.stem}.{first_seq}{log.suffix}")


def log_name(name: str) -> str:
    """Return the log's name in the name of a rotated file; an empty text for any other name."""
    named = _ROTATED_NAME.fullmatch(name)
    return named["stem"] + named["suffix"] if named else ""


def first_seq_in_name(name: str) -> int:
    """Return the number in the name of a rotated file; 0 for any other name."""
    named = _ROTATED_NAME.fullmatch(name)
    return int(named["first"]) if named else 0


def waveform_file_name(log_name: str) -> str:
    """Return the name of the file that has the waveforms of a log, or of one of its rotated files.

    For `measurements.ndjson` this is `measurements.waveforms`. For a log with another ending it is
    the whole name with `.waveforms` after it. No two logs have the same file: if the name without
    `.ndjson` still ends like a log, as `run.log.ndjson` does, the whole name is used, too.
    """
    stem = log_name.removesuffix(_OWN_SUFFIX)
    return (log_name if stem.endswith(LOG_SUFFIXES) else stem) + WAVEFORM_SUFFIX


def aligned(offset: int) -> int:
    """Return the first offset from `offset` on at which a waveform may begin."""
    return -(-offset // WAVEFORM_ALIGNMENT) * WAVEFORM_ALIGNMENT


@dataclass(frozen=True, slots=True)
class WaveformReference:
    """Where the samples of a waveform are, and how to read them.

    ``numpy.fromfile(file, dtype, count, offset=offset).reshape(shape)`` reads them.
    """

    offset: int
    """Bytes from the beginning of the file of waveforms."""
    count: int
    """Number of samples."""
    dtype: str
    """Type of a sample as numpy writes it, little-endian: `<f8`, `<i2`, `<c16`, `|b1`, …"""
    shape: tuple[int, ...]
    """Length of the array in each dimension."""
    crc32: int
    """`zlib.crc32` of the samples."""
    t0: str | None = None
    """Time of the first sample: RFC 3339 text, with all known digits of the second."""
    dt: float | None = None
    """Seconds between two samples."""
    unit: str | None = None
    """Unit of the samples."""

    @property
    def size(self) -> int:
        """Bytes of the samples."""
        return self.count * int(self.dtype[2:])

    @property
    def end(self) -> int:
        """Offset after the last sample."""
        return self.offset + self.size

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> WaveformReference:
        """Read the value of the key `$waveform`.

        Raises:
            ValueError: This is no reference; the message says why.
        """
        try:
            shape = tuple(fields["shape"])
            found = cls(**{**fields, "shape": shape})
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks a field, or has an unknown one: {error}") from None
        integers = (found.offset, found.count, found.crc32, *shape)
        if not all(type(number) is int and number >= 0 for number in integers):
            raise ValueError("offset, count, crc32 and shape must be integers from 0 on")
        if not all(text is None or isinstance(text, str) for text in (found.t0, found.unit)):
            raise ValueError("t0 and unit must be texts")
        if found.dt is not None and type(found.dt) not in (int, float):
            raise ValueError("dt must be a number")
        if not _DTYPE.fullmatch(str(found.dtype)):
            raise ValueError(
                f"its dtype {found.dtype!r:.20} is none of <f8, <i2, <c16, |b1 and so on"
            )
        if prod(shape) != found.count:
            raise ValueError(f"its shape {list(shape)} does not have {found.count} samples")
        return found
