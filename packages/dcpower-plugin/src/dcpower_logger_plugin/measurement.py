"""The measurement: its parameters and outputs, and the steps in between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import ni_measurement_plugin_sdk_service as nims
from json_logger_client import (
    JSON_LOGGER_INSTRUMENT_TYPE,
    JsonLoggerSessionConstructor,
    SessionContext,
    station_name,
)
from plugin_kit.hosting import InvalidInputError, MeasurementCall, reported_to_caller

from dcpower_logger_plugin import record
from dcpower_logger_plugin.smu import PinChannel, PinReading, SourceSettings, source_and_measure

_logger = logging.getLogger(__name__)
_data = Path(__file__).parent / "data"

measurement_service = nims.MeasurementService(
    service_config_path=_data / "NIDCPowerWithLogger.serviceconfig",
    ui_file_paths=[_data / "NIDCPowerWithLogger.measui"],
)

Outputs = tuple[list[int], list[str], list[float], list[float], list[bool]]


@measurement_service.register_measurement
@measurement_service.configuration(
    "nidcpower_pins",
    nims.DataType.IOResourceArray1D,
    ["DCPowerPin"],
    instrument_type=nims.session_management.INSTRUMENT_TYPE_NI_DCPOWER,
)
@measurement_service.configuration(
    "json_logger_pin",
    nims.DataType.IOResource,
    "LoggerPin",
    instrument_type=JSON_LOGGER_INSTRUMENT_TYPE,
)
@measurement_service.configuration("voltage_level", nims.DataType.Double, 6.0)
@measurement_service.configuration("voltage_level_range", nims.DataType.Double, 6.0)
@measurement_service.configuration("current_limit", nims.DataType.Double, 0.01)
@measurement_service.configuration("current_limit_range", nims.DataType.Double, 0.01)
@measurement_service.configuration("source_delay", nims.DataType.Double, 0.0)
@measurement_service.output("measurement_sites", nims.DataType.Int32Array1D)
@measurement_service.output("measurement_pin_names", nims.DataType.StringArray1D)
@measurement_service.output("voltage_measurements", nims.DataType.DoubleArray1D)
@measurement_service.output("current_measurements", nims.DataType.DoubleArray1D)
@measurement_service.output("in_compliance", nims.DataType.BooleanArray1D)
def measure(
    nidcpower_pins: Sequence[str],
    json_logger_pin: str,
    voltage_level: float,
    voltage_level_range: float,
    current_limit: float,
    current_limit_range: float,
    source_delay: float,
) -> Outputs:
    """Source a DC voltage on the pins of every site, measure voltage and current, log both."""
    settings = SourceSettings(
        voltage_level, voltage_level_range, current_limit, current_limit_range, source_delay
    )
    with reported_to_caller(measurement_service):
        readings = _measure_and_log(list(nidcpower_pins), json_logger_pin, settings)
    return (
        [reading.site for reading in readings],
        [reading.pin for reading in readings],
        [reading.voltage for reading in readings],
        [reading.current for reading in readings],
        [reading.in_compliance for reading in readings],
    )


def _measure_and_log(
    pins: list[str], logger_pin: str, settings: SourceSettings
) -> list[PinReading]:
    _check_input(pins, logger_pin, settings)
    call = MeasurementCall(measurement_service)
    open_log = JsonLoggerSessionConstructor(
        discovery_client=measurement_service.discovery_client,
        context=SessionContext(station=station_name()),
    )
    with (
        call.reserve([*pins, logger_pin]) as reservation,
        reservation.initialize_session(open_log, JSON_LOGGER_INSTRUMENT_TYPE) as log,
        reservation.initialize_nidcpower_sessions(),
    ):
        channels = [
            PinChannel(
                connection.site,
                connection.pin_or_relay_name,
                connection.channel_name,
                connection.session,
            )
            for connection in reservation.get_nidcpower_connections(pins)
        ]
        readings = source_and_measure(channels, settings, call.check)
        log.session.log_data(
            measurement_service.measurement_info.display_name,
            record.configurations(pins, settings),
            record.outputs(readings),
            context=record.context(readings, call.step),
        )
        _logger.info(
            "logged %d readings in session %s (%s)",
            len(readings),
            log.session.session_name,
            "new" if log.session.new_session else "attached",
        )
    return readings


def _check_input(pins: Sequence[str], logger_pin: str, settings: SourceSettings) -> None:
    if not any(pins):
        raise InvalidInputError("nidcpower_pins is empty. Name at least one pin or pin group.")
    if not logger_pin:
        raise InvalidInputError(
            "json_logger_pin is empty. Name the pin that the pin map connects to the log file."
        )
    if settings.source_delay < 0:
        raise InvalidInputError(f"source_delay is {settings.source_delay} s. Use 0 s or more.")
