"""Encode records as lines of JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import math
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson
from session_sharing import InvalidArgumentError
from session_sharing.client.arguments import check_argument

from json_logger_client.record_context import RecordContext, record_fields

MAX_DEPTH = 100
"""Levels of nesting of a value that the server accepts."""

_OPTIONS = (
    orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
)
_NULL = b"null"
_FAILURES = (TypeError, ValueError, OverflowError, RecursionError)
"""Errors of values that JSON does not have."""


def encode_record(
    measurement_name: str,
    configurations: Mapping[str, object],
    outputs: Mapping[str, object],
    timestamp: datetime | None = None,
    context: RecordContext | None = None,
) -> bytes:
    """Encode one record as a line without its newline.

    `JsonLoggerClient.log_data` says how values are written. An array of numbers is encoded without
    a Python list in between.

    Args:
        measurement_name: The name of the measurement.
        configurations: The settings of the measurement.
        outputs: The measured values.
        timestamp: Time of the measurement; by default now. A time without a zone is local time.
        context: What the record means.

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
    try:
        return _encode(record)
    except _FAILURES as error:
        raise InvalidArgumentError(
            f"The record {measurement_name!r} has a value that cannot be written as JSON: {error}"
        ) from error


def encode_value(value: object) -> bytes:
    """Encode one value as it is written in a record.

    Raises:
        InvalidArgumentError: The value cannot be written as JSON.
    """
    try:
        return _encode(value)
    except _FAILURES as error:
        raise InvalidArgumentError(f"The value cannot be written as JSON: {error}") from error


def text_of(value: object) -> str:
    """Return a value as text; lone surrogates, which JSON does not have, become escapes."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _encode(value: object) -> bytes:
    with contextlib.suppress(TypeError):
        encoded = orjson.dumps(value, default=_plain, option=_OPTIONS)
        # orjson writes NaN and infinities as null. Without a null, the text is right.
        if _NULL not in encoded:
            return encoded
        del encoded
    return orjson.dumps(_plain(value), option=_OPTIONS)


def _in_utc(timestamp: datetime | None) -> str:
    try:
        moment = (timestamp or datetime.now(timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidArgumentError(
            f"The timestamp {timestamp!r} is out of range in UTC; use the years 1 to 9999."
        ) from error
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value, and everything in it, in types that JSON has.

    Raises:
        TypeError: JSON has nothing for the value.
        ValueError: The value is nested too deeply, or two keys of a dict become the same text.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth)
    if value is None or isinstance(value, (str, int, orjson.Fragment)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _name_of(value)
    if isinstance(value, Mapping):
        return _plain_dict(value, depth)
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return [_plain(item, depth + 1) for item in sorted(value)]
    if isinstance(value, (datetime, date, time)):
        return _plain_time(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return _plain_decimal(value)
    if isinstance(value, PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {item.name: _plain(getattr(value, item.name), depth + 1) for item in fields}
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _plain_array(value, depth)
    raise TypeError(f"JSON has nothing for the type {type(value).__name__}: {value!r:.60}")


def _plain_dict(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    plain = {_plain_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if len(plain) < len(value):
        raise ValueError(f"two keys of a dict become the same text: {list(value)!r:.60}")
    return plain


def _plain_key(key: Any) -> str:
    if isinstance(key, str):
        return key.value if isinstance(key, enum.Enum) else str(key)
    found = _plain(key)
    if isinstance(found, str):
        return found
    if isinstance(found, (bool, int, float, orjson.Fragment)):
        return orjson.dumps(found).decode()
    raise TypeError(f"{key!r:.60} cannot be a key of a JSON object")


def _plain_time(value: datetime | date | time) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def _plain_decimal(value: Decimal) -> Any:
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return _name_of(float(value))
    if not math.isfinite(float(value)):
        return str(value)  # no reader can read such a large number
    return orjson.Fragment(f"{value:f}" if abs(value.adjusted()) < 30 else f"{value:E}")


def _plain_array(array: Any, depth: int) -> Any:
    """Return a numpy array in a form that orjson encodes without a Python object per number."""
    numpy, kind = sys.modules["numpy"], array.dtype.kind
    if kind == "m":
        raise TypeError("JSON has nothing for an array of time differences; convert it to numbers")
    if kind == "M":
        array = array.astype("datetime64[us]")
    if kind == "f" and array.dtype.itemsize > 8:
        array = array.astype("float64")
    if array.ndim == 0 or kind not in "fiub" or hasattr(array, "mask"):
        return _plain(array.tolist(), depth)
    native = numpy.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if kind == "f" and not numpy.isfinite(native).all():
        outliers = native[~numpy.isfinite(native)]
        return orjson.Fragment(_with_names(orjson.dumps(native, option=_OPTIONS), outliers))
    return native


def _with_names(encoded: bytes, outliers: Iterable[float]) -> bytes:
    """Put the names of NaN and infinities where orjson wrote null."""
    pieces = encoded.split(_NULL)
    names = [b'"%b"' % _name_of(value).encode() for value in outliers]
    return b"".join(part for pair in zip(pieces, [*names, b""], strict=True) for part in pair)


def _name_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
