"""What a record means: units, limits, status, unit under test, station, operator, sequence."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import orjson
from json_logger_proto.names import STATION_VARIABLE
from session_sharing import InvalidArgumentError

Status = Literal["passed", "failed", "aborted", "error"]
STATUSES: tuple[Status, ...] = ("passed", "failed", "aborted", "error")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a value. It passes if it is not below `low` and not above `high`."""

    low: float | None = None
    """Lowest value that passes; None for no such limit."""
    high: float | None = None
    """Highest value that passes; None for no such limit."""
    nominal: float | None = None
    """The intended value. It limits nothing; reports show it."""

    def __post_init__(self) -> None:
        """Refuse limits that are not finite numbers, or that no value can pass."""
        for item in fields(self):
            value = getattr(self, item.name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_number and math.isfinite(value)):
                raise InvalidArgumentError(
                    f"The limit {item.name} is {value!r}. Give a finite number, or None for no "
                    "limit."
                )
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidArgumentError(
                f"The limit low, {self.low}, is above the limit high, {self.high}."
            )

    def allow(self, value: object) -> bool:
        """Return whether a value passes. What is not a number passes no limit; NaN neither."""
        if self.low is None and self.high is None:
            return True
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Uut:
    """The unit under test."""

    serial: str = ""
    """Serial number."""
    part: str = ""
    """Part number."""
    lot: str = ""
    """Lot or batch."""


@dataclass(frozen=True, slots=True)
class SequencePlace:
    """The place in a test sequence."""

    file: str = ""
    """Path of the sequence file."""
    step: str = ""
    """Name of the step."""
    execution: str = ""
    """Name of one run of the sequence. Records of one run have the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
    """What all records of a session have in common. Empty parts are left out."""

    uut: Uut | None = None
    """The unit under test."""
    station: str = ""
    """Name of the test station."""
    operator: str = ""
    """Name of the person at the station."""
    sequence: SequencePlace | None = None
    """The test sequence that measures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContext(SessionContext):
    """What one record means. Empty parts are left out, or come from the session's context."""

    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of each value, by the name of the output or configuration."""
    limits: Mapping[str, Limits | Sequence[Limits]] = field(default_factory=dict)
    """Limits by the name of the output: one for all its values, or one for each value of a list."""
    status: Status | None = None
    """Result of the measurement. None with limits: whether all values are within them. None without
    limits: no status."""


def station_name() -> str:
    """Return the name of this test station: `JSON_LOGGER_STATION`, or the name of the host."""
    return os.environ.get(STATION_VARIABLE, "") or socket.gethostname()


def session_fields(context: SessionContext) -> dict[str, Any]:
    """Return the keys of a record for the context of a session.

    Raises:
        InvalidArgumentError: A value has the wrong type.
    """
    found: dict[str, Any] = {
        "uut": _texts("uut", context.uut, Uut),
        "station": _text("station", context.station),
        "operator": _text("operator", context.operator),
        "sequence": _texts("sequence", context.sequence, SequencePlace),
    }
    return {key: value for key, value in found.items() if value}


def record_fields(context: RecordContext, outputs: Mapping[str, object]) -> dict[str, Any]:
    """Return the keys of a record for its context.

    Args:
        context: The context.
        outputs: The outputs of the record, which the limits are about.

    Raises:
        InvalidArgumentError: A value has the wrong type, or limits fit no output.
    """
    if context.status is not None and context.status not in STATUSES:
        raise InvalidArgumentError(
            f"The status is {context.status!r}. Use one of {', '.join(STATUSES)}."
        )
    units = {str(name): _text(f"unit of {name}", unit) for name, unit in context.units.items()}
    passed = [_check(name, one, outputs) for name, one in context.limits.items()]
    by_limits = ("passed" if all(passed) else "failed") if passed else None
    found: dict[str, Any] = {
        "units": units,
        "limits": {name: _plain(one) for name, one in context.limits.items()},
        "status": context.status or by_limits,
    }
    found = {key: value for key, value in found.items() if value}
    return {**found, **session_fields(context)}


def encode_session_context(context: SessionContext) -> bytes:
    """Return the context of a session as a JSON object.

    Raises:
        InvalidArgumentError: A value has the wrong type.
    """
    return orjson.dumps(session_fields(context))


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"The {name} must be a text, not {type(value).__name__}: {value!r:.60}"
        )
    return value


def _texts(name: str, value: object, kind: type) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, kind):
        raise InvalidArgumentError(
            f"The {name} must be a {kind.__name__}, not {type(value).__name__}: {value!r:.60}"
        )
    texts = {
        item.name: _text(f"{item.name} of the {name}", getattr(value, item.name))
        for item in fields(value)  # type: ignore[arg-type]
    }
    return {key: text for key, text in texts.items() if text}


def _plain(limits: Limits | Sequence[Limits]) -> Any:
    if not isinstance(limits, Limits):
        return [_plain(one) for one in limits]
    values = ((item.name, getattr(limits, item.name)) for item in fields(limits))
    return {name: value for name, value in values if value is not None}


def _check(name: str, limits: Limits | Sequence[Limits], outputs: Mapping[str, object]) -> bool:
    """Return whether an output is within its limits."""
    each = [limits] if isinstance(limits, Limits) else limits
    if not isinstance(each, (list, tuple)) or not all(isinstance(one, Limits) for one in each):
        raise InvalidArgumentError(
            f"The limits of {name!r} must be Limits or a list of Limits, not {limits!r:.60}."
        )
    if name not in outputs:
        there = ", ".join(map(str, outputs)) or "none"
        raise InvalidArgumentError(
            f"There are limits for {name!r}, but the record has no such output. It has: {there}."
        )
    value = getattr(outputs[name], "scaled_data", outputs[name])  # of a waveform of nitypes
    if isinstance(limits, Limits):
        return _allow_all(limits, value)
    values = list(_elements(value))
    if len(each) != len(values):
        raise InvalidArgumentError(
            f"There are {len(each)} limits for the {len(values)} values of {name!r}. Give one for "
            "each value, or a single one for all."
        )
    return all(one.allow(item) for one, item in zip(each, values, strict=True))


def _allow_all(limits: Limits, value: Any) -> bool:
    """Return whether all values are within limits, and whether there are any.

    An array needs no Python object for each value. If it has NaN, its minimum and maximum are NaN.
    """
    if getattr(getattr(value, "dtype", None), "kind", "") in ("i", "u", "f") and value.size:
        return limits.allow(value.min().item()) and limits.allow(value.max().item())
    values = list(_elements(value))
    return bool(values) and all(map(limits.allow, values))


def _elements(value: Any) -> Iterator[object]:
    """Yield the numbers of a value: itself, or the elements of a list or array at any depth."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _elements(item)
    else:
        yield value
