"""The log record of one measurement: numbers with site and pin, and their meaning."""

from __future__ import annotations

from json_logger_client import Limits, RecordContext, SequencePlace, Uut
from plugin_kit import StepContext

from dmm_logger_plugin.dmm import UNITS, DmmSettings, Reading


def configurations(pin: str, settings: DmmSettings) -> dict[str, object]:
    """Return the settings, under the names of the plug-in's parameters."""
    return {
        "nidmm_pin": pin,
        "measurement_type": settings.measurement_type.name,
        "range": settings.range,
        "resolution_digits": settings.resolution_digits,
    }


def outputs(site: int, pin: str, reading: Reading) -> dict[str, object]:
    """Return the reading, under the names of the plug-in's outputs.

    A reading that is out of range has no number; JSON writes it as null.
    """
    return {
        "measurement_sites": [site],
        "measurement_pin_names": [pin],
        "measured_value": None if reading.signal_out_of_range else reading.measured_value,
        "signal_out_of_range": reading.signal_out_of_range,
        "absolute_resolution": reading.absolute_resolution,
    }


def context(site: int, settings: DmmSettings, step: StepContext) -> RecordContext:
    """Return what the record means: units, and what the caller says about the step."""
    unit = UNITS[settings.measurement_type]
    return RecordContext(
        units=dict.fromkeys(("range", "measured_value", "absolute_resolution"), unit),
        limits={
            name: Limits(**limits.at(site).plain())
            for name, limits in step.limits.items()
            if name in ("measured_value", "absolute_resolution")
        },
        uut=Uut(step.uut) if step.uut else None,
        sequence=SequencePlace(step.sequence_file, step.step, step.execution),
    )
