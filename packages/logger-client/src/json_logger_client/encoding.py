"""Turns measurements into lines of JSON, once."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

import orjson
from session_sharing.core.errors import InvalidArgumentError

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_OPTIONS |= orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def encode_record(
    measurement_name: str,
    configurations: Mapping[str, object],
    outputs: Mapping[str, object],
    timestamp: datetime | None = None,
) -> bytes:
    """Encode one record as a line without its newline.

    Numbers, texts, booleans, None, lists, tuples, dicts, enums (by value), dataclasses and numpy
    arrays become the JSON of their kind; dates and times become RFC 3339 text, in UTC where they
    have a zone; NaN and the infinities become the texts "NaN", "Infinity" and "-Infinity", as in
    protobuf's JSON.

    Args:
        measurement_name: What was measured.
        configurations: How.
        outputs: The values.
        timestamp: When; by default now. One without a zone is local time.

    Raises:
        InvalidArgumentError: A value has no JSON form; the message says which.
    """
    moment = (timestamp or datetime.now(timezone.utc)).astimezone(timezone.utc)
    record = {
        "timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "measurement_name": measurement_name,
        "measurement_configurations": _finite(configurations),
        "measurement_outputs": _finite(outputs),
    }
    try:
        return orjson.dumps(record, default=_other, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise InvalidArgumentError(
            f"{measurement_name!r} has a value without a JSON form: {error}"
        ) from error


def _finite(value: Any) -> Any:
    """Give the same value, with texts for floats that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _name_of(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if all(type(item) is float for item in value) and math.isfinite(math.fsum(value)):
            return value
        return [_finite(item) for item in value]
    if hasattr(value, "dtype"):
        return _finite_array(value)
    return value


def _finite_array(array: Any) -> Any:
    """Leave a numpy array as it is, so that no list is built, unless it holds NaN or infinities."""
    if array.dtype.kind != "f" or bool((abs(array) < math.inf).all()):
        return array if array.flags.c_contiguous else array.copy(order="C")
    return _finite(array.tolist())


def _name_of(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _other(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _finite(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
