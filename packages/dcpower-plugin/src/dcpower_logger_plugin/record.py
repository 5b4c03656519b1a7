"""The log record of one measurement: numbers and arrays with sites and pins, and their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from json_logger_client import Limits, RecordContext, SequencePlace, Uut
from plugin_kit import StepContext

from dcpower_logger_plugin.smu import PinReading, SourceSettings

UNITS = {
    "voltage_level": "V",
    "voltage_level_range": "V",
    "current_limit": "A",
    "current_limit_range": "A",
    "source_delay": "s",
    "voltage_measurements": "V",
    "current_measurements": "A",
}
"""Units of the parameters and outputs."""


def configurations(pins: Sequence[str], settings: SourceSettings) -> dict[str, object]:
    """Return the settings, under the names of the plug-in's parameters."""
    return {"nidcpower_pins": list(pins), **asdict(settings)}


def outputs(readings: Sequence[PinReading]) -> dict[str, object]:
    """Return the readings, under the names of the plug-in's outputs.

    The arrays have one element per reading, in the same order.
    """
    return {
        "measurement_sites": [reading.site for reading in readings],
        "measurement_pin_names": [reading.pin for reading in readings],
        "voltage_measurements": [reading.voltage for reading in readings],
        "current_measurements": [reading.current for reading in readings],
        "in_compliance": [reading.in_compliance for reading in readings],
    }


def context(readings: Sequence[PinReading], step: StepContext) -> RecordContext:
    """Return what the record means: units, and what the caller says about the step."""
    return RecordContext(
        units=UNITS,
        limits={
            name: [Limits(**limits.at(reading.site).plain()) for reading in readings]
            for name, limits in step.limits.items()
            if name in ("voltage_measurements", "current_measurements")
        },
        uut=Uut(step.uut) if step.uut else None,
        sequence=SequencePlace(step.sequence_file, step.step, step.execution),
    )
