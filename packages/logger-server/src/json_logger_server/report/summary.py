"""What a report's tables say, in plain values for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from json_logger_server.report.series import LogContents, Quantity, statistics


def summary(contents: LogContents, path: Path) -> dict[str, Any]:
    """Describe a log: its records, and of each measurement the outputs by pin and site.

    Args:
        contents: What the log tells.
        path: The log.
    """
    return {
        "file": str(path),
        "records": contents.records,
        "unreadable": contents.unreadable,
        "first": _moment(contents.first),
        "last": _moment(contents.last),
        "writers": sorted(contents.writers),
        "measurements": {
            name: {
                "records": measurement.records,
                "outputs": {
                    output: _output(quantity) for output, quantity in measurement.quantities.items()
                },
            }
            for name, measurement in sorted(contents.measurements.items())
        },
    }


def _output(quantity: Quantity) -> dict[str, Any]:
    series = {place: _numbers(series.values) for place, series in quantity.series.items()}
    facts: dict[str, Any] = {"unit": quantity.unit, "places": series}
    if quantity.waveform:
        facts["latest_waveform"] = _numbers(quantity.waveform)
    if quantity.true or quantity.false:
        facts |= {"true": quantity.true, "false": quantity.false}
    return facts


def _numbers(values: Sequence[float]) -> dict[str, float | None]:
    """Describe values; what JSON has no number for is null."""
    facts = asdict(statistics(values))
    return {name: value if math.isfinite(value) else None for name, value in facts.items()}


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
