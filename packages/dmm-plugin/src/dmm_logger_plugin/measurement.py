"""The measurement: its parameters and outputs, and the steps in between."""

from __future__ import annotations

import contextlib
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
from ni.measurementlink.sessionmanagement.v1.client import SessionInformation
from plugin_kit.hosting import InvalidInputError, MeasurementCall, reported_to_caller

from dmm_logger_plugin import record
from dmm_logger_plugin.dmm import (
    NOT_SINGLE_READINGS,
    DmmSettings,
    MeasurementType,
    Reading,
    take_reading,
)

_logger = logging.getLogger(__name__)
_data = Path(__file__).parent / "data"

measurement_service = nims.MeasurementService(
    service_config_path=_data / "NIDmmMeasurementWithLogger.serviceconfig",
    ui_file_paths=[_data / "NIDmmMeasurementWithLogger.measui"],
)


@measurement_service.register_measurement
@measurement_service.configuration(
    "nidmm_pin",
    nims.DataType.IOResource,
    "DMMPin",
    instrument_type=nims.session_management.INSTRUMENT_TYPE_NI_DMM,
)
@measurement_service.configuration(
    "json_logger_pin",
    nims.DataType.IOResource,
    "LoggerPin",
    instrument_type=JSON_LOGGER_INSTRUMENT_TYPE,
)
@measurement_service.configuration(
    "measurement_type",
    nims.DataType.Enum,
    MeasurementType.DC_VOLTS,
    enum_type=MeasurementType,
)
@measurement_service.configuration("range", nims.DataType.Double, 10.0)
@measurement_service.configuration("resolution_digits", nims.DataType.Double, 5.5)
@measurement_service.output("measured_value", nims.DataType.Double)
@measurement_service.output("signal_out_of_range", nims.DataType.Boolean)
@measurement_service.output("absolute_resolution", nims.DataType.Double)
def measure(
    nidmm_pin: str,
    json_logger_pin: str,
    measurement_type: MeasurementType,
    range: float,
    resolution_digits: float,
) -> tuple[float, bool, float]:
    """Take one reading with the DMM that is connected to a pin of one site, and log it."""
    settings = DmmSettings(measurement_type, range, resolution_digits)
    with reported_to_caller(measurement_service):
        reading = _measure_and_log(nidmm_pin, json_logger_pin, settings)
    return reading.measured_value, reading.signal_out_of_range, reading.absolute_resolution


def _measure_and_log(pin: str, logger_pin: str, settings: DmmSettings) -> Reading:
    _check_input(pin, logger_pin, settings)
    call = MeasurementCall(measurement_service)
    open_log = JsonLoggerSessionConstructor(
        discovery_client=measurement_service.discovery_client,
        context=SessionContext(station=station_name()),
    )
    with call.reserve([pin, logger_pin]) as reservation, contextlib.ExitStack() as stack:
        _check_one_site(pin, reservation.session_info)
        log = stack.enter_context(
            reservation.initialize_session(open_log, JSON_LOGGER_INSTRUMENT_TYPE)
        )
        stack.enter_context(reservation.initialize_nidmm_session())
        connection = reservation.get_nidmm_connection(pin)
        reading = take_reading(connection.session, settings, call.pause)
        log.session.log_data(
            measurement_service.measurement_info.display_name,
            record.configurations(pin, settings),
            record.outputs(connection.site, connection.pin_or_relay_name, reading),
            context=record.context(connection.site, settings, call.step),
        )
        _logger.info(
            "logged a reading in session %s (%s)",
            log.session.session_name,
            "new" if log.session.new_session else "attached",
        )
    return reading


def _check_one_site(pin: str, sessions: Sequence[SessionInformation]) -> None:
    mappings = [
        mapping
        for session in sessions
        if session.instrument_type_id == nims.session_management.INSTRUMENT_TYPE_NI_DMM
        for mapping in session.channel_mappings
    ]
    sites = sorted({mapping.site for mapping in mappings})
    names = sorted({mapping.pin_or_relay_name for mapping in mappings})
    if len(sites) > 1:
        raise InvalidInputError(
            f"Pin {pin} is on the sites {', '.join(map(str, sites))}, but the outputs of this "
            "measurement describe one site. Run it once per site, with this site in the pin map "
            "context."
        )
    if len(names) > 1:
        raise InvalidInputError(
            f"{pin} means the pins {', '.join(names)}, but the outputs of this measurement "
            "describe one pin. Name one pin."
        )
    if not names:
        raise InvalidInputError(
            f"Pin {pin} is not connected to a DMM. Name a pin that the pin map connects to a "
            "NIDmmInstrument."
        )


def _check_input(pin: str, logger_pin: str, settings: DmmSettings) -> None:
    if not pin:
        raise InvalidInputError("nidmm_pin is empty. Name the pin that the DMM measures.")
    if not logger_pin:
        raise InvalidInputError(
            "json_logger_pin is empty. Name the pin that the pin map connects to the log file."
        )
    if settings.measurement_type in NOT_SINGLE_READINGS:
        raise InvalidInputError(
            f"measurement_type is {settings.measurement_type.name}, with which a DMM returns no "
            "single reading. Choose another, such as DC_VOLTS."
        )
