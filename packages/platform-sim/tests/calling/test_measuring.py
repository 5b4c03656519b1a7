"""Measuring: updates, results, cancellation, deadlines, failures, much data."""

from __future__ import annotations

import socket
import threading

import pytest
from capabilities import needs_whole_sends
from platform_process import wait_until
from plugin_kit import PlatformError, PlatformUnavailableError, PluginCallError
from plugin_kit.calling import MeasurementPlugin


@pytest.fixture
def plugin(resolve):
    return resolve("Behaviour")


def numbers(plugin, **values):
    return [outputs["number"] for outputs in plugin.stream(values)]


def test_a_plugin_that_returns_gives_one_result(plugin):
    assert numbers(plugin) == [3]


def test_a_plugin_that_yields_gives_each_update(plugin):
    assert numbers(plugin, mode="YIELD", count=4) == [1, 2, 3, 4]


def test_a_plugin_that_yields_and_returns_gives_the_result_last(plugin):
    assert numbers(plugin, mode="YIELD_AND_RETURN") == [1, 2, 3, -1]


@pytest.mark.parametrize("mode", ["RETURN", "YIELD", "YIELD_AND_RETURN"])
def test_measure_returns_the_last_of_the_updates(plugin, mode):
    assert plugin.measure({"mode": mode})["number"] == numbers(plugin, mode=mode)[-1]


def test_a_plugin_of_version_one_gives_its_last_output(resolve):
    assert numbers(resolve("V1Only"), count=5) == [4]


def test_updates_come_before_the_measurement_ends(plugin, tmp_path):
    updates = plugin.stream({"mode": "WAIT_FOR_CANCEL", "mark file": tmp_path / "mark"})
    assert next(updates)["number"] == 0


def test_cancel_reaches_the_plugin_and_ends_the_call(plugin, tmp_path):
    mark = tmp_path / "mark"
    updates = plugin.stream({"mode": "WAIT_FOR_CANCEL", "mark file": mark})
    next(updates)

    threading.Thread(target=plugin.cancel).start()
    with pytest.raises(PluginCallError, match="CANCELLED"):
        next(updates)
    wait_until(lambda: mark.exists() and mark.read_text() == "cancelled")


def test_leaving_the_updates_cancels_the_measurement(plugin, tmp_path):
    mark = tmp_path / "mark"
    updates = plugin.stream({"mode": "WAIT_FOR_CANCEL", "mark file": mark})
    next(updates)
    updates.close()
    wait_until(lambda: mark.exists() and mark.read_text() == "cancelled")


def test_abandoned_updates_do_not_end_the_next_measurement(plugin, tmp_path):
    abandoned = plugin.stream({"mode": "WAIT_FOR_CANCEL", "mark file": tmp_path / "mark"})
    next(abandoned)
    following = plugin.stream({"mode": "YIELD"})
    abandoned.close()
    assert [outputs["number"] for outputs in following] == [1, 2, 3]


def test_a_deadline_ends_the_measurement(plugin, tmp_path):
    values = {"mode": "WAIT_FOR_CANCEL", "mark file": tmp_path / "mark"}
    with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
        list(plugin.stream(values, timeout=0.2))


def test_an_exception_of_the_plugin_reaches_the_caller_with_its_text(plugin):
    with pytest.raises(PluginCallError, match=r"UNKNOWN.*the probe fell off"):
        numbers(plugin, mode="RAISE")
    assert numbers(plugin) == [3]


def test_a_status_of_the_plugin_reaches_the_caller(plugin):
    with pytest.raises(PluginCallError, match="OUT_OF_RANGE: too much"):
        numbers(plugin, mode="ABORT")


def test_what_a_plugin_logs_is_in_its_log_file(shared_platform, plugin):
    numbers(plugin)
    log = shared_platform.options.log_folder / "platform_sim.tests.Behaviour-2.1.0.log"
    wait_until(lambda: "measuring in mode RETURN" in log.read_text())


@needs_whole_sends
def test_eighty_megabytes_come_whole(plugin):
    (outputs,) = plugin.stream({"count": 10_000_000})
    assert len(outputs["data"]) == 10_000_000
    assert outputs["data"][-1] == 1.5


def test_pin_map_and_sites_reach_the_plugin(plugin):
    (outputs,) = plugin.stream({}, pin_map_id="my map", sites=[0, 3])
    assert (outputs["pin map"], outputs["sites"]) == ("my map", [0, 3])


def test_several_measurements_of_one_client_follow_each_other(plugin):
    assert [numbers(plugin, count=count) for count in (1, 2)] == [[1], [2]]


def test_an_unknown_plugin_is_reported(shared_platform):
    with pytest.raises(PlatformError, match="NOT_FOUND"):
        MeasurementPlugin.resolve(
            "no.such.Class", discovery_address=shared_platform.discovery_address
        )


def test_a_service_that_is_no_plugin_is_reported(shared_platform):
    with pytest.raises(PluginCallError, match="UNIMPLEMENTED"):
        MeasurementPlugin(shared_platform.discovery_address)


def test_a_platform_that_is_not_there_is_reported(unused_address):
    with pytest.raises(PlatformUnavailableError, match="No platform answers"):
        MeasurementPlugin.resolve("any", discovery_address=unused_address)


@pytest.fixture
def unused_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
