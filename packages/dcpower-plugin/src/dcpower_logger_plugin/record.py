"""The log record of one measurement: numbers and arrays, with sites, pins and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from dcpower_logger_plugin.smu import PinReading, SourceSettings

CONFIGURATION_UNITS = {
    "voltage_level": "V",
    "voltage_level_range": "V",
    "current_limit": "A",
    "current_limit_range": "A",
    "source_delay": "s",
}
OUTPUT_UNITS = {"voltage_measurements": "V", "current_measurements": "A"}


def configurations(pins: Sequence[str], settings: SourceSettings) -> dict[str, object]:
    """Return the settings, under the names of the plug-in's parameters."""
    return {"nidcpower_pins": list(pins), **asdict(settings), "units": CONFIGURATION_UNITS}


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
        "units": OUTPUT_UNITS,
    }
