"""Encode records as lines of JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson
from json_logger_proto.log_format import WAVEFORM_KEY
from session_sharing import InvalidArgumentError
from session_sharing.client.arguments import check_argument

from json_logger_client.record_context import RecordContext, record_fields
from json_logger_client.shared_memory import SharedMemory
from json_logger_client.times import as_text
from json_logger_client.waveforms import SHORTEST_WAVEFORM, Waveforms

MAX_DEPTH = 100
"""Levels of nesting of a value that the server accepts."""

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_NULL = b"null"
_KEY = b'"%b":' % WAVEFORM_KEY.encode()
_FAILURES = (TypeError, ValueError, OverflowError, RecursionError)
"""Errors of values that JSON does not have."""


class EncodedRecord:
    """A record in the form in which it is sent."""

    __slots__ = ("line", "samples", "size")

    def __init__(self, line: bytes, samples: Sequence[memoryview] = ()) -> None:
        """Combine the parts of a record.

        Args:
            line: The record as a line of JSON without its newline.
            samples: The samples of each waveform to which the line refers, in their order.
        """
        self.line = line
        self.samples = samples
        self.size = len(line) + sum(map(len, samples))
        """Bytes of the line and of all samples."""


def encode_record(
    measurement_name: str,
    configurations: Mapping[str, object],
    outputs: Mapping[str, object],
    timestamp: datetime | None = None,
    shortest_waveform: int = SHORTEST_WAVEFORM,
    context: RecordContext | None = None,
    memory: SharedMemory | None = None,
) -> EncodedRecord:
    """Encode one record as a line, with the samples of its waveforms beside it.

    `JsonLoggerClient.log_data` says how values are written. An array of numbers is encoded without
    a Python list in between.

    Args:
        measurement_name: The name of the measurement.
        configurations: The settings of the measurement.
        outputs: The measured values.
        timestamp: Time of the measurement; by default now. A time without a zone is local time.
        shortest_waveform: Numbers from which on an array is a waveform.
        context: What the record means.
        memory: Memory of the sender of the record, for long waveforms.

    Raises:
        InvalidArgumentError: A value cannot be written as JSON, or the context does not fit; the
            message names it.
    """
    check_argument("measurement_name", measurement_name, str)
    for name, values in (
        ("measurement_configurations", configurations),
        ("measurement_outputs", outputs),
    ):
        if not isinstance(values, Mapping):
            raise InvalidArgumentError(
                f"{name} of {measurement_name!r} must be a dict of values by name, not "
                f"{type(values).__name__}."
            )
    check_argument("timestamp", timestamp, datetime, type(None))
    record: dict[str, object] = {
        "timestamp": _in_utc(timestamp),
        "measurement_name": measurement_name,
        "measurement_configurations": configurations,
        "measurement_outputs": outputs,
    }
    if context is not None:
        check_argument("context", context, RecordContext)
        record |= record_fields(context, outputs)
    waveforms = Waveforms(shortest_waveform, memory)
    try:
        line = _encode(record, _Values(waveforms))
    except _FAILURES as error:
        raise InvalidArgumentError(
            f"The record {measurement_name!r} has a value that cannot be written as JSON: {error}"
        ) from error
    if _KEY in line and line.count(_KEY) > len(waveforms.samples):
        raise InvalidArgumentError(
            f"The record {measurement_name!r} has a key {WAVEFORM_KEY!r}, which only the logger "
            "may write. Log the array itself, or use another key."
        )
    return EncodedRecord(line, waveforms.samples)


def encode_value(value: object) -> bytes:
    """Encode one value as it is written in a record, without waveforms.

    Raises:
        InvalidArgumentError: The value cannot be written as JSON.
    """
    waveforms = Waveforms(sys.maxsize)
    try:
        encoded = _encode(value, _Values(waveforms))
    except _FAILURES as error:
        raise InvalidArgumentError(f"The value cannot be written as JSON: {error}") from error
    if waveforms.samples:
        raise InvalidArgumentError("The value cannot be written as JSON: it has complex numbers.")
    return encoded


def text_of(value: object) -> str:
    """Return a value as text; lone surrogates, which JSON does not have, become escapes."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _encode(value: object, values: _Values) -> bytes:
    with contextlib.suppress(TypeError):
        encoded = orjson.dumps(value, default=values.plain, option=_OPTIONS)
        # orjson writes NaN and infinities as null. Without a null, the text is right.
        if _NULL not in encoded:
            return encoded
        del encoded
    values.waveforms.restart()
    return orjson.dumps(values.plain(value), option=_OPTIONS)


def _in_utc(timestamp: datetime | None) -> str:
    try:
        moment = (timestamp or datetime.now(timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidArgumentError(
            f"The timestamp {timestamp!r} is out of range in UTC; use the years 1 to 9999."
        ) from error
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Values:
    """Turns the values of one record into types that JSON has, and takes its waveforms out."""

    def __init__(self, waveforms: Waveforms) -> None:
        self.waveforms = waveforms

    def plain(self, value: Any, depth: int = 0) -> Any:
        """Return a value, and everything in it, in types that JSON has.

        Raises:
            TypeError: JSON has nothing for the value.
            ValueError: The value is nested too deeply, or two keys of a dict become the same text.
        """
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, enum.Enum):
            return self.plain(value.value, depth)
        if value is None or isinstance(value, (str, int, orjson.Fragment)):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else _name_of(value)
        if isinstance(value, Mapping):
            return self._dict(value, depth)
        if isinstance(value, (list, tuple)):
            return [self.plain(item, depth + 1) for item in value]
        if isinstance(value, (set, frozenset)):
            return [self.plain(item, depth + 1) for item in sorted(value)]
        if isinstance(value, (datetime, date, time)):
            return as_text(value)
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, Decimal):
            return _plain_decimal(value)
        if isinstance(value, PurePath):
            return str(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {item.name: self.plain(getattr(value, item.name), depth + 1) for item in fields}
        if hasattr(value, "dtype") and hasattr(value, "tolist"):
            return self._array(value, depth)
        typed = self.waveforms.take_typed(value)
        if typed is not None:
            return self.plain(typed, depth)
        raise TypeError(f"JSON has nothing for the type {type(value).__name__}: {value!r:.60}")

    def _dict(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        plain = {self._key(key): self.plain(item, depth + 1) for key, item in value.items()}
        if len(plain) < len(value):
            raise ValueError(f"two keys of a dict become the same text: {list(value)!r:.60}")
        return plain

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return key.value if isinstance(key, enum.Enum) else str(key)
        found = self.plain(key)
        if isinstance(found, str):
            return found
        if isinstance(found, (bool, int, float, orjson.Fragment)):
            return orjson.dumps(found).decode()
        raise TypeError(f"{key!r:.60} cannot be a key of a JSON object")

    def _array(self, array: Any, depth: int) -> Any:
        """Return a numpy array in a form that orjson encodes without a Python object per number."""
        if self.waveforms.is_one(array):
            return self.waveforms.take(array)
        numpy, kind = sys.modules["numpy"], array.dtype.kind
        if kind == "m":
            raise TypeError(
                "JSON has nothing for an array of time differences; convert it to numbers"
            )
        if kind == "M":
            array = array.astype("datetime64[us]")
        if kind == "f" and array.dtype.itemsize > 8:
            array = array.astype("float64")
        if array.ndim == 0 or kind not in "fiub" or hasattr(array, "mask"):
            return self.plain(array.tolist(), depth)
        native = numpy.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        encoded = orjson.dumps(native, option=orjson.OPT_SERIALIZE_NUMPY)
        if kind == "f" and not numpy.isfinite(native).all():
            encoded = _with_names(encoded, native[~numpy.isfinite(native)])
        return orjson.Fragment(encoded)


def _plain_decimal(value: Decimal) -> Any:
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return _name_of(float(value))
    if not math.isfinite(float(value)):
        return str(value)  # no reader can read such a large number
    return orjson.Fragment(f"{value:f}" if abs(value.adjusted()) < 30 else f"{value:E}")


def _with_names(encoded: bytes, outliers: Iterable[float]) -> bytes:
    """Put the names of NaN and infinities where orjson wrote null."""
    pieces = encoded.split(_NULL)
    names = [b'"%b"' % _name_of(value).encode() for value in outliers]
    return b"".join(part for pair in zip(pieces, [*names, b""], strict=True) for part in pair)


def _name_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
