"""Feeds of the page Records: the points of a plot, a waveform, and the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from json_logger_client.records import LogRecord, RecordFilter, Waveform, as_waveform
from session_sharing import SessionSharingError

from measurement_console.live.feed import Message
from measurement_console.rendering import shown
from measurement_console.sources.fields import Field
from measurement_console.sources.log_reader import LogReader
from measurement_console.sources.series import MOST_POINTS

_MOST_ROWS = 25
"""Rows in one update of a page; more cannot be read by people."""
_FIRST_ROWS = 100
_MOST_SAMPLES = 4_000_000

OpenReader = Callable[[], LogReader]


class SeriesFeed:
    """The points of a number. A message has all points from one bucket on."""

    def __init__(self, open_reader: OpenReader, name: str, field: str) -> None:
        """Show a number.

        Args:
            open_reader: Returns the reader of the log.
            name: Name of the measurement.
            field: Name of the number in its records.
        """
        self._open_reader, self._name, self._field = open_reader, name, field

    def since(self, position: int) -> Sequence[Message]:
        """Return the points that have changed since the series had so many."""
        reader = self._open_reader()
        with reader.lock:
            live = reader.series(self._name, self._field)
            series = live.series
            if live.waiting is not None or series.count == position:
                return ()
            first, buckets = series.since(position)
            count, limits = series.count, series.limits
        data = {
            "first": first,
            "limits": limits,
            "buckets": [
                [[point.seq, point.time, point.value] for point in bucket] for bucket in buckets
            ],
        }
        return (Message("points", json.dumps(data), count),)

    def close(self) -> None:
        """Do nothing: all browsers share the series."""


class WaveformFeed:
    """The last waveform of an output."""

    def __init__(self, open_reader: OpenReader, name: str, field: str) -> None:
        """Show an output; the arguments are those of `SeriesFeed`."""
        self._open_reader, self._name, self._field = open_reader, name, Field(field)

    def since(self, position: int) -> Sequence[Message]:
        """Return the last waveform if its record has a higher number."""
        reader = self._open_reader()
        with reader.lock:
            newer = takewhile(lambda one: (one.seq or 0) > position, reversed(reader.recent))
            record = next((one for one in newer if self._has_waveform(one)), None)
        if record is None:
            return ()
        data = {"seq": record.seq, **_samples(self._waveform(record, reader.path))}
        return (Message("waveform", json.dumps(data), record.seq or 0),)

    def close(self) -> None:
        """Do nothing."""

    def _has_waveform(self, record: LogRecord) -> bool:
        return record.measurement_name == self._name and isinstance(self._field.raw(record), dict)

    def _waveform(self, record: LogRecord, path: str) -> Waveform | None:
        value = self._field.raw(record)
        return as_waveform(value, path) if isinstance(value, dict) else None


class RowsFeed:
    """The last records that a filter chooses, as rows of a table."""

    def __init__(self, open_reader: OpenReader, chosen: RecordFilter) -> None:
        """Show the records of a log.

        Args:
            open_reader: Returns the reader of the log.
            chosen: Which records to show.
        """
        self._open_reader, self._chosen = open_reader, chosen

    def since(self, position: int) -> Sequence[Message]:
        """Return the records after a number."""
        reader = self._open_reader()
        with reader.lock:
            newer = [*takewhile(lambda one: (one.seq or 0) > position, reversed(reader.recent))]
            oldest = reader.recent[0].seq or 0 if reader.recent else 0
        if not newer:
            return ()
        chosen = [record for record in newer if self._chosen.accepts(record)]
        rows = chosen[: _MOST_ROWS if position else _FIRST_ROWS]
        missed = len(chosen) - len(rows) + max(0, oldest - position - 1)
        data = {
            "missed": missed if position else 0,
            "rows": [_row(record) for record in reversed(rows)],
        }
        return (Message("rows", json.dumps(data), newer[0].seq or 0),)

    def close(self) -> None:
        """Do nothing."""


def _row(record: LogRecord) -> list[str]:
    return [
        str(record.seq),
        record.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3],
        shown(record.measurement_name, 60),
        shown(_pairs(record.measurement_outputs), 300),
        shown(record.status or "", 20),
    ]


def _samples(waveform: Waveform | None) -> dict[str, object]:
    """Return the samples of a waveform, reduced to the lowest and highest of each part."""
    if waveform is None:
        return {"problem": "This is not a waveform that can be read."}
    if len(waveform) > _MOST_SAMPLES:
        return {"problem": f"The waveform has more than {_MOST_SAMPLES} samples."}
    try:
        samples = waveform.samples()
    except (SessionSharingError, ImportError, ValueError) as error:
        return {"problem": str(error)}
    values = samples.real.reshape(-1).astype(float)
    step = -(-len(values) // (MOST_POINTS // 2))
    points: list[list[float]] = []
    for begin in range(0, len(values), step):
        part = values[begin : begin + step]
        for index in sorted({int(part.argmin()), int(part.argmax())}):
            points.append([begin + index, float(part[index])])
    return {"dt": waveform.dt, "unit": waveform.unit, "points": points}


def _pairs(values: Mapping[str, Any]) -> str:
    """Return values as `json-logger tail` prints them."""
    texts = (json.dumps(value, ensure_ascii=False, default=str) for value in values.values())
    return ", ".join(f"{name}={text}" for name, text in zip(values, texts, strict=True))
