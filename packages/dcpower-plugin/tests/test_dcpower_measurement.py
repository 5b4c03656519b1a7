from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from capabilities import needs_callers
from dcpower_under_test import PLUGIN
from json_logger_client import station_name
from logger_station import Station
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as sessions_pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from plugin_kit import PluginCallError, StepContext, read_limits
from plugin_kit.calling import PlatformClient

LONG = 60.0
"""Seconds that a measurement takes unless it is ended before; the driver takes up to 167."""

AT_ONCE = 20.0
"""Seconds in which even a busy machine ends a measurement whose caller no longer waits."""


def test_every_site_is_measured_when_none_is_named(station: Station) -> None:
    assert station.measure(voltage_level=3.0) == {
        "measurement_sites": [0, 1],
        "measurement_pin_names": ["Vdd", "Vdd"],
        "voltage_measurements": [3.0, 3.0],
        "current_measurements": [1e-4, 1e-4],
        "in_compliance": [False, False],
    }


def test_only_the_sites_of_the_pin_map_context_are_measured(station: Station) -> None:
    assert station.measure(sites=[1])["measurement_sites"] == [1]


def test_pin_groups_and_several_instruments_give_an_element_per_pin_and_site(
    station: Station,
) -> None:
    result = station.measure(nidcpower_pins=["Supplies"])

    pins = list(zip(result["measurement_sites"], result["measurement_pin_names"], strict=True))
    assert pins == [(0, "Vio"), (0, "Vdd"), (1, "Vio"), (1, "Vdd")]
    assert result["voltage_measurements"] == [6.0] * 4


def test_a_system_pin_belongs_to_no_site(station: Station) -> None:
    result = station.measure(nidcpower_pins=["Vdd", "Vsys"], sites=[0])

    assert result["measurement_sites"] == [0, -1]
    assert result["measurement_pin_names"] == ["Vdd", "Vsys"]


def test_a_measurement_is_one_record_of_numbers_and_arrays_with_units(station: Station) -> None:
    before = len(station.records())

    station.measure(voltage_level=2.5, source_delay=0.01)

    (record,) = station.records()[before:]
    assert record["measurement_name"] == "NI-DCPower With Logger"
    configurations = record["measurement_configurations"]
    assert configurations["nidcpower_pins"] == ["Vdd"]
    assert configurations["voltage_level"] == 2.5
    assert record["units"]["source_delay"] == "s"
    assert record["units"]["current_measurements"] == "A"
    assert record["measurement_outputs"] == {
        "measurement_sites": [0, 1],
        "measurement_pin_names": ["Vdd", "Vdd"],
        "voltage_measurements": [2.5, 2.5],
        "current_measurements": [1e-4, 1e-4],
        "in_compliance": [False, False],
    }
    assert record["station"] == station_name()
    assert not {"limits", "status", "uut", "sequence"} & set(record)


def test_what_the_caller_says_about_the_step_is_in_the_record(station: Station) -> None:
    before = len(station.records())
    limits = read_limits({"voltage_measurements": {"low": 5, "sites": {"1": {"high": 5}}}})
    step = StepContext("A.seq", "source", "17", "SN1", limits)

    with station.plugin() as plugin:
        plugin.measure(
            {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log"},
            pin_map_id=station.pin_map_id,
            step=step,
        )

    (record,) = station.records()[before:]
    assert record["limits"] == {"voltage_measurements": [{"low": 5.0}, {"high": 5.0}]}
    assert record["status"] == "failed"
    assert record["uut"] == {"serial": "SN1"}
    assert record["sequence"] == {"file": "A.seq", "step": "source", "execution": "17"}


def test_a_settle_time_above_100_ms_works(station: Station) -> None:
    started = time.monotonic()

    result = station.measure(source_delay=0.35)

    assert result["voltage_measurements"] == [6.0, 6.0]
    assert time.monotonic() - started >= 0.35


def test_a_deadline_ends_the_measurement_and_releases_the_pins(station: Station) -> None:
    with station.plugin() as plugin:
        started = time.monotonic()
        with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
            plugin.measure(
                {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log", "source_delay": LONG},
                pin_map_id=station.pin_map_id,
                timeout=0.3,
            )
        station.measure()

    assert time.monotonic() - started < 0.3 + AT_ONCE


def test_a_cancelled_measurement_ends_at_once_and_releases_the_pins(station: Station) -> None:
    with station.plugin() as plugin:
        updates = plugin.stream(
            {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log", "source_delay": LONG},
            pin_map_id=station.pin_map_id,
        )
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(_exhaust, updates)
            _wait_until_reserved(station)
            started = time.monotonic()
            plugin.cancel()
            waiting.result()
        station.measure()

    assert time.monotonic() - started < AT_ONCE


@needs_callers
def test_a_killed_plugin_does_not_block_the_next_measurement(station: Station) -> None:
    with station.plugin() as plugin:
        updates = plugin.stream(
            {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log", "source_delay": LONG},
            pin_map_id=station.pin_map_id,
        )
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(_exhaust, updates, "UNAVAILABLE")
            _wait_until_reserved(station)
            os.kill(_pid_of_plugin(station), getattr(signal, "SIGKILL", signal.SIGTERM))
            waiting.result()

    assert station.measure()["voltage_measurements"] == [6.0, 6.0]


def test_the_wait_for_pins_that_another_plugin_has_reserved_can_be_cancelled(
    station: Station,
) -> None:
    with _reserved(station, "Vdd"), station.plugin() as plugin:
        updates = plugin.stream(
            {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log"},
            pin_map_id=station.pin_map_id,
            timeout=0.5,
        )
        with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
            list(updates)
    started = time.monotonic()
    station.measure()

    assert time.monotonic() - started < AT_ONCE


def test_it_waits_for_pins_that_another_plugin_has_reserved(station: Station) -> None:
    result: list[Any] = []
    with _reserved(station, "Vdd"):
        waiting = threading.Thread(target=lambda: result.append(station.measure()))
        waiting.start()
        waiting.join(0.6)
        assert waiting.is_alive()
    waiting.join()

    assert result[0]["voltage_measurements"] == [6.0, 6.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nidcpower_pins": []}, "INVALID_ARGUMENT: nidcpower_pins is empty"),
        ({"json_logger_pin": ""}, "INVALID_ARGUMENT: json_logger_pin is empty"),
        ({"source_delay": -1.0}, "INVALID_ARGUMENT: source_delay is -1.0 s. Use 0 s or more"),
        ({"nidcpower_pins": ["Nowhere"]}, "INVALID_ARGUMENT: .*Nowhere"),
        ({"json_logger_pin": "Vio"}, "JsonLoggerService"),
        ({"voltage_level": 1000.0}, "voltage_level"),
    ],
)
def test_bad_input_gets_an_error_that_names_it(
    station: Station, values: dict[str, object], message: str
) -> None:
    with pytest.raises(PluginCallError, match=message):
        station.measure(**values)


def test_a_refused_measurement_leaves_no_record_and_no_reservation(station: Station) -> None:
    before = station.records()

    with pytest.raises(PluginCallError):
        station.measure(voltage_level=1000.0)

    assert station.records() == before
    station.measure()


def _exhaust(updates: Any, error: str = "CANCELLED") -> None:
    with pytest.raises(PluginCallError, match=error):
        list(updates)


def _sessions(station: Station) -> session_management_service_pb2_grpc.SessionManagementServiceStub:
    channel = grpc.insecure_channel(station.discovery_address)
    return session_management_service_pb2_grpc.SessionManagementServiceStub(channel)


def _pid_of_plugin(station: Station) -> int:
    with PlatformClient(station.discovery_address) as platform:
        (pid,) = (
            one.service_descriptor.annotations["platform-sim/pid"]
            for one in platform.active_services()
            if one.service_descriptor.service_class == PLUGIN.service_class
        )
    return int(pid)


def _wait_until_reserved(station: Station) -> None:
    stub = _sessions(station)
    while not stub.GetSessions(sessions_pb.GetSessionsRequest()).sessions:
        time.sleep(0.01)


class _reserved:  # noqa: N801 - reads as a function in a with statement
    """Reserve the sessions of a pin, as another plug-in would."""

    def __init__(self, station: Station, pin: str) -> None:
        self._stub = _sessions(station)
        request = sessions_pb.ReserveSessionsRequest(pin_or_relay_names=[pin])
        request.pin_map_context.pin_map_id = station.pin_map_id
        self._sessions = self._stub.ReserveSessions(request).sessions

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        request = sessions_pb.UnreserveSessionsRequest(sessions=self._sessions)
        self._stub.UnreserveSessions(request)
