"""The log record of one measurement: numbers, with site, pin and units."""

from __future__ import annotations

from dmm_logger_plugin.dmm import UNITS, DmmSettings, Reading


def configurations(pin: str, settings: DmmSettings) -> dict[str, object]:
    """Return the settings, under the names of the plug-in's parameters."""
    return {
        "nidmm_pin": pin,
        "measurement_type": settings.measurement_type.name,
        "range": settings.range,
        "resolution_digits": settings.resolution_digits,
        "units": {"range": UNITS[settings.measurement_type]},
    }


def outputs(site: int, pin: str, settings: DmmSettings, reading: Reading) -> dict[str, object]:
    """Return the reading, under the names of the plug-in's outputs.

    A reading that is out of range has no number; JSON writes it as null.
    """
    unit = UNITS[settings.measurement_type]
    return {
        "measurement_sites": [site],
        "measurement_pin_names": [pin],
        "measured_value": None if reading.signal_out_of_range else reading.measured_value,
        "signal_out_of_range": reading.signal_out_of_range,
        "absolute_resolution": reading.absolute_resolution,
        "units": {"measured_value": unit, "absolute_resolution": unit},
    }
