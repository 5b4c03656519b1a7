"""A client calls a plug-in of NI's SDK, on a platform that has only NI's calls.

measurement-platform-sim has the tests with pins, and those of every parameter type.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_discovery import SERVICE_CLASS, PlainDiscovery, environment
from plugin_kit import (
    ParameterError,
    PlatformError,
    PlatformUnavailableError,
    PluginCallError,
    PluginError,
)
from plugin_kit.calling import MeasurementPlugin, Parameter, PlatformClient, check_value
from plugin_processes import served


def test_metadata_has_names_types_and_defaults(plugin: MeasurementPlugin) -> None:
    metadata = plugin.metadata
    assert (metadata.display_name, metadata.version) == ("Plain plug-in", "1.0.0")
    assert {one.name: one.default for one in metadata.parameters} == {
        "count": 3,
        "fails": "",
        "seconds": 0.0,
        "mark file": "",
    }
    assert [one.type_name for one in metadata.outputs] == ["int32", "int32[]"]


def test_measure_returns_the_result_alone(plugin: MeasurementPlugin) -> None:
    assert plugin.measure({"count": 5}) == {"number": 5, "sites": []}


def test_stream_yields_each_update_and_the_result_last(plugin: MeasurementPlugin) -> None:
    assert [outputs["number"] for outputs in plugin.stream({"count": 4})] == [1, 2, 3, 4]


def test_sites_reach_the_plugin(plugin: MeasurementPlugin) -> None:
    assert plugin.measure(sites=[0, 3])["sites"] == [0, 3]


def test_a_call_that_ends_without_a_result_is_an_error_of_measure(
    plugin: MeasurementPlugin,
) -> None:
    assert list(plugin.stream({"count": 0})) == []
    with pytest.raises(PluginCallError, match="without a result"):
        plugin.measure({"count": 0})


def test_version_one_of_the_service_gives_the_last_update_alone(
    plugin: MeasurementPlugin, discovery: PlainDiscovery
) -> None:
    with PlatformClient(discovery.address) as platform:
        address = platform.address_of(SERVICE_CLASS)
    with MeasurementPlugin(address, has_v2=False) as old:
        assert [outputs["number"] for outputs in old.stream()] == [3]
        assert old.measure()["number"] == 3


@pytest.mark.parametrize("call", ["measure", "stream"])
@pytest.mark.parametrize(
    ("values", "said"),
    [({"typo": 1}, "there are: count, fails"), ({"count": "many"}, "does not fit int32")],
)
def test_a_value_that_does_not_fit_its_parameter_is_refused_at_once(
    plugin: MeasurementPlugin, call: str, values: dict[str, object], said: str
) -> None:
    with pytest.raises(ParameterError, match=said):
        getattr(plugin, call)(values)


@pytest.mark.parametrize("call", ["measure", "stream"])
def test_sites_that_are_not_numbers_are_refused_at_once(
    plugin: MeasurementPlugin, call: str
) -> None:
    with pytest.raises(ParameterError, match="site numbers"):
        getattr(plugin, call)(sites=["zero"])


def test_cancel_ends_measure_and_reaches_the_plugin(
    plugin: MeasurementPlugin, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    errors: list[PluginCallError] = []
    updates = plugin.stream({"seconds": 60.0, "mark file": mark})
    next(updates)

    def wait() -> None:
        with pytest.raises(PluginCallError, match="CANCELLED") as caught:
            next(updates)
        errors.append(caught.value)

    waiting = threading.Thread(target=wait)
    waiting.start()
    plugin.cancel()
    waiting.join(30)
    assert len(errors) == 1
    assert plugin.measure()["number"] == 3


def test_a_deadline_ends_measure(plugin: MeasurementPlugin) -> None:
    with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
        plugin.measure({"seconds": 60.0}, timeout=0.3)


def test_the_caller_of_a_plugin_that_dies_gets_an_error_on_a_platform_without_last_runs(
    own_discovery: PlainDiscovery,
) -> None:
    address = own_discovery.address
    with (
        served(own_discovery.program("plain_plugin"), environment(), SERVICE_CLASS),
        MeasurementPlugin.resolve(SERVICE_CLASS, discovery_address=address) as plugin,
        pytest.raises(PluginCallError, match="UNAVAILABLE"),
    ):
        plugin.measure({"fails": "die"})


def test_the_error_for_an_unknown_plugin_names_it(discovery: PlainDiscovery) -> None:
    with pytest.raises(PlatformError, match=r"NOT_FOUND: no such\.Class"):
        MeasurementPlugin.resolve("such.Class", discovery_address=discovery.address)


def test_a_service_that_is_not_a_plugin_is_refused(discovery: PlainDiscovery) -> None:
    with pytest.raises(PluginCallError, match="UNIMPLEMENTED"):
        MeasurementPlugin(discovery.address)


@pytest.fixture
def unused_address() -> Iterator[str]:
    with socket.socket() as bound:  # it does not listen; no other program can take its port
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_the_error_for_a_missing_platform_names_its_address(unused_address: str) -> None:
    with pytest.raises(PlatformUnavailableError, match=f"at {unused_address}"):
        MeasurementPlugin.resolve("any", discovery_address=unused_address)


def test_a_pin_map_that_cannot_be_read_is_refused_before_a_call(
    unused_address: str, tmp_path: Path
) -> None:
    (tmp_path / "latin.pinmap").write_bytes("ä".encode("latin-1"))
    with PlatformClient(unused_address) as platform:
        with pytest.raises(PlatformError, match="cannot be read"):
            platform.load_pin_map(tmp_path / "missing.pinmap")
        with pytest.raises(PlatformError, match="not UTF-8"):
            platform.load_pin_map(tmp_path / "latin.pinmap")


def test_every_error_has_the_root_of_the_package() -> None:
    assert issubclass(PluginCallError, PluginError)
    assert issubclass(ParameterError, PluginCallError)
    assert issubclass(PlatformUnavailableError, PlatformError)
    assert issubclass(PlatformError, PluginCallError)


def test_a_value_is_checked_without_a_plugin() -> None:
    whole = Parameter("count", 1, 5)
    check_value(whole, 12)
    with pytest.raises(ParameterError, match="count: 'x' does not fit int32"):
        check_value(whole, "x")


def test_a_plugin_that_does_not_answer_is_an_error_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(PluginCallError, match="did not return its metadata"):
            MeasurementPlugin(address, timeout=0.2)
