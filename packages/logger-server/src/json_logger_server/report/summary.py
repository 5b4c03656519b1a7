"""Return the tables of a report as plain values for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from json_logger_server.report.series import (
    LogContents,
    Measurement,
    Quantity,
    Series,
    Tally,
    statistics,
)


def summary(contents: LogContents, path: Path) -> dict[str, Any]:
    """Describe a log: its records, and for each measurement the outputs by pin and site.

    Args:
        contents: The contents of the log.
        path: The log.
    """
    return {
        "file": str(path),
        "files": contents.files,
        "records": contents.records,
        "unreadable": contents.unreadable,
        "left_out": contents.left_out,
        "first": _moment(contents.first),
        "last": _moment(contents.last),
        "writers": sorted(contents.writers),
        "measurements": [
            _measurement(contents.measurements[key]) for key in sorted(contents.measurements)
        ],
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "name": measurement.name,
        "condition": measurement.condition,
        "records": measurement.records,
        "configurations": {
            name: _tally(tally) for name, tally in measurement.configurations.items()
        },
        "outputs": [
            {"name": name, "unit": unit, **_output(quantity)}
            for (name, unit), quantity in measurement.quantities.items()
        ],
    }


def _output(quantity: Quantity) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "places": {place: _numbers(series) for place, series in quantity.series.items()}
    }
    waveform = statistics(quantity.waveform)
    if waveform is not None:
        facts["latest_waveform"] = asdict(waveform)
    if quantity.tallies:
        facts["texts"] = {place: _tally(tally) for place, tally in quantity.tallies.items()}
    return facts


def _numbers(series: Series) -> dict[str, float | None]:
    """Describe a series. Without a finite number, its statistics are null."""
    found = statistics(series.values)
    if found is None:
        facts: dict[str, float | None] = dict.fromkeys(("lowest", "mean", "highest", "last"))
        return {"count": 0, **facts, "missing": series.missing}
    return {**asdict(found), "missing": series.missing}


def _tally(tally: Tally) -> dict[str, int]:
    """Return the count of each text, the most frequent first, and one count for all others."""
    counts = dict(tally.counts.most_common())
    return {**counts, "…": tally.others} if tally.others else counts


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
