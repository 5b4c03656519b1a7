"""Return the tables of a report as plain values for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from json_logger_server.report.results import Count, Results
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
        "files": len(contents.files),
        "records": contents.records,
        "unreadable": contents.unreadable,
        "left_out": contents.left_out,
        "first": _moment(contents.first),
        "last": _moment(contents.last),
        "writers": sorted(contents.writers),
        "results": _results(contents.results),
        "measurements": [
            _measurement(contents.measurements[key]) for key in sorted(contents.measurements)
        ],
    }


def _results(results: Results) -> dict[str, Any]:
    """Describe what passed. A yield is a part, from 0 to 1; without units it is null."""
    return {
        "records": dict(results.records),
        "units_under_test": len(results.uuts),
        "first_pass_yield": results.first_pass().share,
        "final_yield": results.final().share,
        "limits": [
            {
                **limit._asdict(),
                "bounds": [bounds._asdict() for bounds, _ in found.bounds.most_common()],
                **_count(found.count),
            }
            for limit, found in sorted(results.limits.items())
        ],
        "other_failures": [
            {"measurement": name, "step": step, "status": status, "records": count}
            for (name, step, status), count in results.others.most_common()
        ],
        "sites": {site: _count(count) for site, count in sorted(results.sites.items())},
        "stations": {name: _count(count) for name, count in sorted(results.stations.items())},
    }


def _count(count: Count) -> dict[str, int]:
    return {"passed": count.passed, "failed": count.failed}


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


def _numbers(series: Series) -> dict[str, Any]:
    """Describe a series. Without a finite number, its statistics are null."""
    found = statistics(series.values)
    none: dict[str, Any] = dict.fromkeys(("lowest", "mean", "highest", "last"))
    facts = {"count": 0, **none} if found is None else asdict(found)
    facts["missing"] = series.missing
    bounds = series.usual_bounds
    if bounds is not None:
        facts["limits"] = bounds._asdict()
        facts["outside"] = series.results.failed
    return facts


def _tally(tally: Tally) -> dict[str, int]:
    """Return the count of each text, the most frequent first, and one count for all others."""
    counts = dict(tally.counts.most_common())
    return {**counts, "…": tally.others} if tally.others else counts


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
