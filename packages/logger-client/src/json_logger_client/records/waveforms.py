"""Read the waveform to which a record refers."""

from __future__ import annotations

import contextlib
import importlib
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from json_logger_proto.log_files.rotated import rotated_files, waveforms_of
from json_logger_proto.log_format import WAVEFORM_KEY, WaveformReference

from json_logger_client.records.errors import DamagedWaveformError
from json_logger_client.records.record import in_utc

if TYPE_CHECKING:
    import numpy.typing as npt

    from json_logger_client.records.sources import WaveformSource


@dataclass(frozen=True, slots=True)
class Waveform:
    """A waveform of a record. Its samples are read when they are used.

    `numpy.asarray(waveform)` and `waveform.samples()` return the samples.
    """

    reference: WaveformReference
    """Place, type and shape of the samples."""
    log_file: str
    """Path of the file with the record; empty if the server's host has it."""
    source: WaveformSource | None = field(default=None, repr=False, compare=False)
    """What reads the samples; None for a file beside that of the record."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples in each dimension."""
        return self.reference.shape

    @property
    def dt(self) -> float | None:
        """Seconds between two samples; None if they are not known."""
        return self.reference.dt

    @property
    def unit(self) -> str:
        """Unit of the samples; empty if it is not known."""
        return self.reference.unit or ""

    @property
    def t0(self) -> datetime | None:
        """Time of the first sample in UTC, rounded to the microsecond; None if it is not known.

        `reference.t0` has all digits.
        """
        text = self.reference.t0
        return in_utc(msgspec.convert(text, datetime)) if text else None

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 1

    def samples(self) -> npt.NDArray[Any]:
        """Read the samples as a new numpy array, and check their sum.

        Raises:
            DamagedWaveformError: The samples are missing, or are not those that were written.
            ImportError: numpy is not installed.
        """
        numpy = import_numpy()
        reference = self.reference
        found: npt.NDArray[Any] = numpy.frombuffer(self.read_bytes(), reference.dtype)
        return found.reshape(reference.shape)

    def read_bytes(self) -> bytearray:
        """Read the samples as the bytes that are in the file, and check their sum.

        Raises:
            DamagedWaveformError: The samples are missing, or are not those that were written.
        """
        if self.source is not None:
            return self._read_from(self.source)
        reasons = []
        for path in self._files():
            data = bytearray(self.reference.size)
            try:
                with path.open("rb") as file:
                    file.seek(self.reference.offset)
                    read = file.readinto(data)
            except OSError as error:
                reasons.append(f"{path}: {error.strerror or error}")
                continue
            if read < len(data):
                reasons.append(f"{path} has only {read} of {len(data)} bytes")
            elif zlib.crc32(data) != self.reference.crc32:
                reasons.append(f"{path} has other bytes there: the check sums differ")
            else:
                return data
        raise DamagedWaveformError(
            f"The {self.reference.count} samples at byte {self.reference.offset} cannot be read: "
            + ("; ".join(reasons) or "the record came from a server on another host")
            + "."
        )

    def _read_from(self, source: WaveformSource) -> bytearray:
        data = source.read(self.reference)
        if data is None:
            raise DamagedWaveformError(
                f"The {self.reference.count} samples are not in the store: the station copies "
                "shorter waveforms only, or has not had them. They are at byte "
                f"{self.reference.offset} of the waveforms of the log {source.name}."
            )
        if len(data) != self.reference.size or zlib.crc32(data) != self.reference.crc32:
            raise DamagedWaveformError(
                f"The store has other samples for the log {source.name} at byte "
                f"{self.reference.offset}: the check sums differ."
            )
        return data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return the samples for numpy."""
        found = self.samples()
        return found if dtype is None else found.astype(dtype)

    def _files(self) -> Iterator[Path]:
        """Yield the files that can have the samples; the log may have been rotated since."""
        if self.log_file:
            path = Path(self.log_file)
            yield waveforms_of(path)
            with contextlib.suppress(OSError):
                yield from (waveforms_of(older.path) for older in reversed(rotated_files(path)))


def as_waveform(
    value: Mapping[str, Any], file: str, source: WaveformSource | None = None
) -> Waveform | None:
    """Return the waveform to which an object in a record refers; None if it is another object.

    Args:
        value: The object.
        file: Path of the file with the record; may be empty.
        source: What reads the samples; None for a file beside that of the record.
    """
    if not is_reference(value):
        return None
    try:
        return Waveform(WaveformReference.from_json(value[WAVEFORM_KEY]), file, source)
    except (ValueError, TypeError):
        return None


def is_reference(value: Mapping[str, Any]) -> bool:
    """Return whether an object in a record refers to a waveform."""
    return len(value) == 1 and WAVEFORM_KEY in value


def import_numpy() -> Any:
    """Return numpy.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return sys.modules.get("numpy") or importlib.import_module("numpy")
    except ImportError as error:
        raise ImportError("Arrays need numpy, which is not installed: pip install numpy") from error
