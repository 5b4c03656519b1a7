"""Read a log for its report, value by value, so that an unusual value does not affect others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from json_logger_client.records import RecordFilter
from json_logger_proto.log_files.rotated import files_of

from json_logger_server.report.series import LogContents, Measurement, Series, Tally

_SITES, _PINS, _UNITS = "measurement_sites", "measurement_pin_names", "units"
_ABOUT_OTHERS = (_SITES, _PINS, _UNITS)
_LONGEST_LIST = 16
"""In a list without pins of at most so many values, each value has its own series. A longer list is
a waveform."""
_DEEPEST = 8
"""Levels of nested objects whose values are shown."""
_LONGEST_TEXT = 200
"""Number of characters that are shown of a text."""
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The texts that the client writes for numbers that JSON does not have."""


def read_log(path: Path, by: Sequence[str] = (), chosen: RecordFilter | None = None) -> LogContents:
    """Read a whole log, its rotated files included.

    Args:
        path: The log.
        by: Names of configurations. Records of one name that differ in their values are separate
            measurements.
        chosen: Which records to show; None for all.

    Raises:
        NotAResourceError: The file is not a log, for example a compressed file.
        OSError: The file cannot be read.
    """
    contents = LogContents()
    for _, file in files_of(path):
        contents.files += 1
        for line in file:
            if line.strip() and (chosen is None or chosen.accepts_line(line)):
                take(contents, line, by)
    return contents


def take(contents: LogContents, line: bytes, by: Sequence[str] = ()) -> None:
    """Add a line of a log to the contents of a report."""
    try:
        record = json.loads(line)
        when = _in_utc(msgspec.convert(record["timestamp"], datetime))
        name, outputs = str(record["measurement_name"]), record["measurement_outputs"]
        configurations = record.get("measurement_configurations", {})
        if not isinstance(outputs, dict) or not isinstance(configurations, dict):
            raise TypeError("the values of a record are an object")
    except (
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
        OverflowError,
        msgspec.MsgspecError,
    ):
        contents.unreadable += 1
        return
    contents.records += 1
    contents.note_time(when)
    if record.get("writer"):
        contents.writers.add(str(record["writer"]))
    if "client" not in record:  # it came through the reference protocol, which has only texts
        outputs = {key: _read_text(value) for key, value in outputs.items()}
    separated_by = [key for key in by if key in configurations]
    condition = ", ".join(f"{key} = {_as_text(configurations[key])}" for key in separated_by)
    measurement = contents.measurements.setdefault((name, condition), Measurement(name, condition))
    measurement.records += 1
    for key, value in configurations.items():
        if key not in _ABOUT_OTHERS:
            measurement.configurations.setdefault(key, Tally()).add(_as_text(value))
    _Outputs(contents, measurement, when, outputs).take()


class _Outputs:
    """Adds the outputs of one record to the contents of a report."""

    def __init__(
        self,
        contents: LogContents,
        measurement: Measurement,
        when: datetime,
        outputs: Mapping[str, Any],
    ) -> None:
        self._contents = contents
        self._measurement = measurement
        self._when = when
        self._outputs = outputs
        self._places = _places(outputs)
        units = outputs.get(_UNITS)
        self._units = units if isinstance(units, Mapping) else {}

    def take(self) -> None:
        """Add every output."""
        for name, value in self._outputs.items():
            if name not in _ABOUT_OTHERS:
                unit = self._units.get(name)
                self._take_value(name, "" if unit is None else _as_text(unit), value)

    def _take_value(self, name: str, unit: str, value: Any, depth: int = 0) -> None:
        quantity = self._measurement.quantity(name, unit)
        if isinstance(value, Mapping) and depth < _DEEPEST:
            for key, item in value.items():
                self._take_value(f"{name}.{key}", unit, item, depth + 1)
        elif not isinstance(value, list):
            place = self._places[0] if len(self._places) == 1 else ""
            self._take_one(quantity.series, quantity.tallies, place, value)
        elif len(value) > _LONGEST_LIST and len(value) != len(self._places):
            numbers = [_number(item) for item in value]
            self._contents.left_out += sum(
                number is None and item is not None
                for number, item in zip(numbers, value, strict=True)
            )
            quantity.waveform = [n for n in numbers if n is not None and math.isfinite(n)]
        else:
            for place, item in zip(self._places_of(value), value, strict=True):
                self._take_one(quantity.series, quantity.tallies, place, item)
        if quantity.is_empty:
            del self._measurement.quantities[name, unit]

    def _take_one(
        self, series: dict[str, Series], tallies: dict[str, Tally], place: str, value: Any
    ) -> None:
        number = _number(value)
        if number is not None or value is None:
            series.setdefault(place, Series()).add(self._when, number)
        elif isinstance(value, (str, bool)):
            tallies.setdefault(place, Tally()).add(_as_text(value))
        else:
            self._contents.left_out += 1

    def _places_of(self, values: Sequence[Any]) -> Iterator[str]:
        if len(self._places) == len(values):
            return iter(self._places)
        return (f"[{index}]" for index in range(len(values)))


def _in_utc(moment: datetime) -> datetime:
    """Return a time in UTC. A time without a zone counts as UTC."""
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)


def _places(outputs: Mapping[str, Any]) -> list[str]:
    """Return the pin and site of each value of a record, if the record has sites and pins."""
    sites, pins = outputs.get(_SITES), outputs.get(_PINS)
    if not isinstance(sites, list) or not isinstance(pins, list) or len(sites) != len(pins):
        return []
    return [f"{pin}, site {site}" for site, pin in zip(sites, pins, strict=True)]


def _number(value: Any) -> float | None:
    """Return a number, also for the text "NaN" or "Infinity"; None for any other value."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _as_text(value: Any) -> str:
    """Return a value as text, shortened if it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _read_text(value: Any) -> Any:
    """Return the number or list that a text of the reference protocol contains."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if isinstance(found, (str, dict)) or found is None else found
