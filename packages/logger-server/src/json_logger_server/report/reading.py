"""Read a log for its report, value by value, so that an unusual value does not affect others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from json_logger_client.records import (
    FileSource,
    LogRecord,
    RecordFilter,
    RecordReader,
    Restorer,
    Source,
    Waveform,
    as_text,
    find_logs,
)
from session_sharing import SessionSharingError

from json_logger_server.report.results import (
    Bounds,
    Limit,
    bounds_of,
    judgement,
)
from json_logger_server.report.series import LogContents, Measurement, Quantity

_SITES, _PINS = "measurement_sites", "measurement_pin_names"
_LONGEST_LIST = 16
"""In a list without pins of at most so many values, each value has its own series. A longer list is
a waveform."""
_DEEPEST = 8
"""Levels of nested objects whose values are shown."""
_LONGEST_TEXT = 200
"""Number of characters that are shown of a text."""


def read_log(path: Path, by: Sequence[str] = (), chosen: RecordFilter | None = None) -> LogContents:
    """Read a whole log, its rotated files included; see `read_source`.

    Raises:
        NotAResourceError: The file is not a log, for example a compressed file.
        SessionSharingError: The file cannot be read.
    """
    return read_source(FileSource(find_logs(path)), by, chosen)


def read_source(
    source: Source, by: Sequence[str] = (), chosen: RecordFilter | None = None
) -> LogContents:
    """Read whole logs.

    Args:
        source: The logs.
        by: Names of configurations. Records of one name that differ in their values are separate
            measurements.
        chosen: Which records to read; None for all.

    Raises:
        SessionSharingError: A log cannot be read.
    """
    contents = LogContents()
    reader = RecordReader(source, chosen, Restorer(), damaged="skip")
    for record in reader:
        contents.files.add(record.file or record.log)
        _take(contents, record, by)
    contents.unreadable = reader.damaged
    for measurement in contents.measurements.values():
        for quantity in measurement.quantities.values():
            if quantity.latest is not None:
                _read_samples(contents, quantity, quantity.latest)
    return contents


def _read_samples(contents: LogContents, quantity: Quantity, waveform: Waveform) -> None:
    """Read the samples of a waveform of real numbers with one dimension."""
    try:
        samples = waveform.samples()
    except (SessionSharingError, ImportError):
        contents.left_out += 1
        return
    if samples.ndim != 1 or samples.dtype.kind not in "fiu":
        contents.left_out += 1
        return
    quantity.waveform = [value for value in samples.tolist() if math.isfinite(value)]
    quantity.step = waveform.dt or 0.0


def _take(contents: LogContents, record: LogRecord, by: Sequence[str]) -> None:
    """Add a record to the contents of a report."""
    name, configurations = record.measurement_name, record.measurement_configurations
    contents.records += 1
    contents.note_time(record.timestamp)
    if record.writer:
        contents.writers.add(record.writer)
    separated_by = [key for key in by if key in configurations]
    condition = ", ".join(f"{key} = {_as_text(configurations[key])}" for key in separated_by)
    measurement = contents.measurements.get((name, condition))
    if measurement is None:
        measurement = contents.measurements[name, condition] = Measurement(name, condition)
    measurement.records += 1
    for key, value in configurations.items():
        measurement.configurations[key].add(_as_text(value))
    _Record(contents, measurement, record).take()


class _Place(NamedTuple):
    """The place of a value: on a pin and site, or in a list."""

    text: str = ""
    site: str = ""


class _Record:
    """Adds the outputs and the result of one record to the contents of a report."""

    def __init__(self, contents: LogContents, measurement: Measurement, record: LogRecord) -> None:
        self._contents = contents
        self._measurement = measurement
        self._record = record
        self._when = record.timestamp
        self._outputs = record.measurement_outputs
        if not record.client:  # it came through the reference protocol, which has only texts
            self._outputs = {key: _read_text(value) for key, value in self._outputs.items()}
        self._places = _places(self._outputs)
        self._units = _object(record.units)
        self._limits = _object(record.limits)
        self._step = _part(record.sequence, "step")
        serial = _part(record.uut, "serial")
        self._uut = contents.uuts.setdefault(serial, len(contents.uuts)) if serial else -1
        self._serial = serial
        self._passed: list[bool] = []
        self._sites: dict[str, bool] = {}

    def take(self) -> None:
        """Add every output, and the result of the record."""
        for name, value in self._outputs.items():
            if name not in (_SITES, _PINS):
                unit = self._units.get(name)
                unit_text = "" if unit is None else _as_text(unit)
                self._take_value(name, unit_text, value, self._limits.get(name))
        self._note_result()

    def _take_value(self, name: str, unit: str, value: Any, limits: Any, depth: int = 0) -> None:
        key = name, unit
        quantity = self._measurement.quantities[key]
        if isinstance(value, Waveform):
            quantity.latest = value
        elif isinstance(value, Mapping) and depth < _DEEPEST:
            for part, item in value.items():
                path = f"{name}.{part}"
                self._take_value(path, unit, item, self._limits.get(path), depth + 1)
        elif not isinstance(value, list):
            place = self._places[0] if len(self._places) == 1 else _Place()
            self._take_one(quantity, key, place, value, _bounds_at(limits, 0))
        elif len(value) > _LONGEST_LIST and len(value) != len(self._places):
            self._take_long_list(quantity, key, value, limits)
        else:
            for index, (place, item) in enumerate(zip(self._places_of(value), value, strict=True)):
                self._take_one(quantity, key, place, item, _bounds_at(limits, index))
        if quantity.is_empty:
            del self._measurement.quantities[key]

    def _take_one(
        self,
        quantity: Quantity,
        key: tuple[str, str],
        place: _Place,
        value: Any,
        bounds: Bounds | None,
    ) -> None:
        number = _number(value)
        if number is not None or value is None:
            series = quantity.series[place.text]
            series.add(self._when, number, self._uut)
            if bounds is not None:
                self._note_check(key, place.site, bounds, series.check(number, bounds))
        elif isinstance(value, (str, bool, datetime)):
            quantity.tallies[place.text].add(_as_text(value))
        else:
            self._contents.left_out += 1

    def _take_long_list(
        self, quantity: Quantity, key: tuple[str, str], values: list[Any], limits: Any
    ) -> None:
        numbers = [_number(item) for item in values]
        self._contents.left_out += sum(
            number is None and item is not None
            for number, item in zip(numbers, values, strict=True)
        )
        quantity.waveform = [n for n in numbers if n is not None and math.isfinite(n)]
        quantity.latest = None
        checked = [(number, _bounds_at(limits, index)) for index, number in enumerate(numbers)]
        passed = [bounds.allow(number) for number, bounds in checked if bounds is not None]
        if passed:
            bounds = next(bounds for _, bounds in checked if bounds is not None)
            self._note_check(key, "", bounds, all(passed))

    def _note_check(self, key: tuple[str, str], site: str, bounds: Bounds, passed: bool) -> None:
        found = self._contents.results.limits[Limit(self._measurement.name, self._step, *key)]
        found.bounds[bounds] += 1
        found.count.add(passed)
        self._passed.append(passed)
        if site:
            self._sites[site] = self._sites.get(site, True) and passed

    def _note_result(self) -> None:
        results = self._contents.results
        for site, passed in self._sites.items():
            results.sites[site].add(passed)
        found = judgement(self._record.status, self._passed)
        if found is None:
            return
        results.records[found.status] += 1
        if found.status != "passed" and not found.limits_failed:
            results.others[self._measurement.name, self._step, found.status] += 1
        station = self._record.station
        if isinstance(station, str) and station:
            results.stations[station].add(found.status == "passed")
        if self._serial:
            execution = _part(self._record.sequence, "execution")
            results.note_unit(self._serial, execution, found.status)

    def _places_of(self, values: Sequence[Any]) -> Iterator[_Place]:
        if len(self._places) == len(values):
            return iter(self._places)
        return (_Place(f"[{index}]") for index in range(len(values)))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _part(value: Any, name: str) -> str:
    """Return a text in an object; empty if there is none."""
    part = _object(value).get(name)
    return part if isinstance(part, str) else ""


def _bounds_at(limits: Any, index: int) -> Bounds | None:
    """Return the limits of a value: those of all values, or those at its index."""
    if isinstance(limits, list):
        return bounds_of(limits[index]) if index < len(limits) else None
    return bounds_of(limits)


def _places(outputs: Mapping[str, Any]) -> list[_Place]:
    """Return the pin and site of each value of a record, if the record has sites and pins."""
    sites, pins = outputs.get(_SITES), outputs.get(_PINS)
    if not isinstance(sites, list) or not isinstance(pins, list) or len(sites) != len(pins):
        return []
    return [_Place(f"{pin}, site {site}", str(site)) for site, pin in zip(sites, pins, strict=True)]


def _number(value: Any) -> float | None:
    """Return a number; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _as_text(value: Any) -> str:
    """Return a value as text, shortened if it is long."""
    text = value if isinstance(value, str) else _as_json(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return as_text(value)
    return json.dumps(value, ensure_ascii=False, default=_as_other)


def _as_other(value: Any) -> str:
    return as_text(value) if isinstance(value, datetime) else f"{len(value)} samples"


def _read_text(value: Any) -> Any:
    """Return the number or list that a text of the reference protocol contains."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if isinstance(found, (str, dict)) or found is None else found
