from __future__ import annotations

import math
import time

import pytest
from dmm_logger_plugin import record
from dmm_logger_plugin.dmm import (
    NOT_SINGLE_READINGS,
    UNITS,
    MeasurementType,
    Reading,
)
from json_logger_client import station_name
from logger_station import Station
from plugin_kit import PluginCallError, StepContext, read_limits


def test_a_reading_at_10_v_and_5_digits_resolves_50_uv(station: Station) -> None:
    result = station.measure(sites=[0], range=10.0, resolution_digits=5.5)

    assert result["absolute_resolution"] == pytest.approx(5e-5)
    assert not result["signal_out_of_range"]
    assert 0 < abs(result["measured_value"]) <= 10


def test_a_measurement_is_one_record_of_numbers_with_site_pin_and_units(station: Station) -> None:
    station.measure(sites=[0])
    before = len(station.records())

    result = station.measure(sites=[1], range=1.0)

    (log,) = station.records()[before:]
    assert log["measurement_name"] == "NI-DMM Measurement With Logger"
    assert log["measurement_configurations"] == {
        "nidmm_pin": "Vout",
        "measurement_type": "DC_VOLTS",
        "range": 1.0,
        "resolution_digits": 5.5,
    }
    assert log["measurement_outputs"] == {
        "measurement_sites": [1],
        "measurement_pin_names": ["Vout"],
        **result,
    }
    assert log["units"] == {"range": "V", "measured_value": "V", "absolute_resolution": "V"}
    assert log["station"] == station_name()
    assert not {"limits", "status", "uut", "sequence"} & set(log)


def test_what_the_caller_says_about_the_step_is_in_the_record(station: Station) -> None:
    before = len(station.records())
    limits = read_limits({"measured_value": {"high": -50, "sites": {"1": {"low": -50}}}})
    step = StepContext("A.seq", "measure", "17", "SN1", limits)

    with station.plugin() as plugin:
        for site in (0, 1):
            plugin.measure(
                {"nidmm_pin": "Vout", "json_logger_pin": "Log"},
                pin_map_id=station.pin_map_id,
                sites=[site],
                step=step,
            )

    first, second = station.records()[before:]
    assert first["limits"] == {"measured_value": {"high": -50.0}}
    assert second["limits"] == {"measured_value": {"low": -50.0}}
    assert (first["status"], second["status"]) == ("failed", "passed")
    assert first["uut"] == {"serial": "SN1"}
    assert first["sequence"] == {"file": "A.seq", "step": "measure", "execution": "17"}


@pytest.mark.parametrize("kind", ["AC_VOLTS", "TWO_WIRE_RES", "DC_CURRENT"])
def test_other_measurement_types_measure_too(station: Station, kind: str) -> None:
    value = station.measure(sites=[0], measurement_type=kind, range=1.0)["measured_value"]

    assert math.isfinite(value)


def test_several_sites_are_refused_with_an_error_that_says_what_to_do(station: Station) -> None:
    with pytest.raises(PluginCallError, match=r"INVALID_ARGUMENT: .*sites 0, 1.*once per site"):
        station.measure()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nidmm_pin": ""}, "INVALID_ARGUMENT: nidmm_pin is empty"),
        ({"json_logger_pin": ""}, "INVALID_ARGUMENT: json_logger_pin is empty"),
        ({"measurement_type": "NONE"}, "INVALID_ARGUMENT: measurement_type is NONE"),
        ({"measurement_type": "WAVEFORM_VOLTAGE"}, "with which a DMM returns no single reading"),
        ({"nidmm_pin": "Nowhere"}, "INVALID_ARGUMENT: .*Nowhere"),
        ({"nidmm_pin": "Log"}, "INVALID_ARGUMENT: Pin Log is not connected to a DMM"),
        ({"range": 1e9}, "DriverError"),
    ],
)
def test_bad_input_gets_an_error_that_names_it(
    station: Station, values: dict[str, object], message: str
) -> None:
    with pytest.raises(PluginCallError, match=message):
        station.measure(sites=[0], **values)


def test_a_deadline_that_has_passed_ends_it_at_once(station: Station) -> None:
    with station.plugin() as plugin:
        started = time.monotonic()
        with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
            plugin.measure(
                {"nidmm_pin": "Vout", "json_logger_pin": "Log"},
                pin_map_id=station.pin_map_id,
                sites=[0],
                timeout=0.001,
            )
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_overrange_reading_is_flagged_and_logged_as_null(value: float) -> None:
    reading = Reading(value, 5e-5)

    outputs = record.outputs(0, "Vout", reading)

    assert reading.signal_out_of_range
    assert outputs["measured_value"] is None
    assert outputs["signal_out_of_range"] is True


def test_every_type_that_gives_a_reading_has_a_unit() -> None:
    assert set(UNITS) == set(MeasurementType) - NOT_SINGLE_READINGS
