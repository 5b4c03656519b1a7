"""Read the waveform to which a record refers."""

from __future__ import annotations

import contextlib
import importlib
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from json_logger_proto.log_files.rotated import rotated_files
from json_logger_proto.log_format import WAVEFORM_KEY, waveform_path

from json_logger_client.records.errors import DamagedWaveformError
from json_logger_client.records.record import in_utc

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class _Reference(msgspec.Struct, frozen=True):
    """The value of the key `$waveform` in a record."""

    offset: Annotated[int, msgspec.Meta(ge=0)]
    count: Annotated[int, msgspec.Meta(ge=0)]
    dtype: str
    shape: list[int]
    crc32: int
    t0: str = ""
    dt: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Waveform:
    """A waveform of a record. Its samples are read when they are used.

    `numpy.asarray(waveform)` and `waveform.samples()` return the samples.
    """

    offset: int
    """Place of the samples in the waveform file, in bytes from its beginning."""
    count: int
    """Number of samples."""
    dtype: str
    """Type of a sample, as numpy writes it: `<f8` is a double."""
    shape: tuple[int, ...]
    """Samples in each dimension."""
    t0: str
    """Time of the first sample, RFC 3339, in UTC; empty if it is not known."""
    dt: float | None
    """Seconds between two samples; None if they are not known."""
    unit: str
    """Unit of the samples; may be empty."""
    crc32: int
    """Check sum of the samples' bytes."""
    file: str
    """Path of the file with the record; empty if the server's host has it."""

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 1

    @property
    def start(self) -> datetime | None:
        """Time of the first sample in UTC, rounded to the microsecond; None if it is not known."""
        return in_utc(msgspec.convert(self.t0, datetime)) if self.t0 else None

    def samples(self) -> npt.NDArray[Any]:
        """Read the samples as a new numpy array, and check their sum.

        Raises:
            DamagedWaveformError: The samples are missing, or are not those that were written.
            ImportError: numpy is not installed.
        """
        numpy = import_numpy()
        data = self.read_bytes()
        found: np.ndarray[Any, Any] = numpy.frombuffer(data, self.dtype).reshape(self.shape)
        return found

    def read_bytes(self) -> bytearray:
        """Read the samples as the bytes that are in the file, and check their sum.

        Raises:
            DamagedWaveformError: The samples are missing, or are not those that were written.
        """
        reasons = []
        for path in self._files():
            data = bytearray(self.count * _size_of(self.dtype))
            try:
                with path.open("rb") as file:
                    file.seek(self.offset)
                    read = file.readinto(data)
            except OSError as error:
                reasons.append(f"{path}: {error.strerror or error}")
                continue
            if read < len(data):
                reasons.append(f"{path} has only {read} of {len(data)} bytes")
            elif zlib.crc32(data) != self.crc32:
                reasons.append(f"{path} has other bytes there: the check sums differ")
            else:
                return data
        raise DamagedWaveformError(
            f"The waveform of {self.count} samples at byte {self.offset} cannot be read. "
            + ("; ".join(reasons) or "The record came from a server on another host")
            + "."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return the samples for numpy."""
        found = self.samples()
        return found if dtype is None else found.astype(dtype)

    def _files(self) -> Iterator[Path]:
        """Yield the files that can have the samples; the log may have been rotated since."""
        if self.file:
            path = Path(self.file)
            yield waveform_path(path)
            with contextlib.suppress(OSError):
                yield from (waveform_path(older.path) for older in reversed(rotated_files(path)))


def as_waveform(value: Mapping[str, Any], file: str) -> Waveform | None:
    """Return the waveform to which an object in a record refers; None if it is another object.

    Args:
        value: The object.
        file: Path of the file with the record; may be empty.
    """
    if len(value) != 1 or WAVEFORM_KEY not in value:
        return None
    try:
        found = msgspec.convert(value[WAVEFORM_KEY], _Reference)
    except msgspec.MsgspecError:
        return None
    shape = tuple(found.shape)
    if not _size_of(found.dtype) or prod(shape) != found.count or min(shape, default=0) < 0:
        return None
    facts = {**msgspec.structs.asdict(found), "shape": shape}
    return Waveform(**facts, file=file)


def import_numpy() -> Any:
    """Return numpy.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return sys.modules.get("numpy") or importlib.import_module("numpy")
    except ImportError as error:
        raise ImportError("Arrays need numpy, which is not installed: pip install numpy") from error


def _size_of(dtype: str) -> int:
    """Return the bytes of a sample; 0 if the text is not the type of a number."""
    kind, digits = dtype[1:2], dtype[2:]
    known = dtype[:1] in "<|" and kind in tuple("fciub") and digits.isascii() and digits.isdecimal()
    return int(digits) if known and len(digits) <= 2 else 0
