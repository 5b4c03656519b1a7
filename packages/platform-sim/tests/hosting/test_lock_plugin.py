"""A plug-in of plugin-kit on the platform: it measures under a lock, and ends with its caller."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosting import hosted
from platform_process import wait_until
from platform_sim import Platform, PlatformOptions
from platform_sim.hook import hooked_environment
from plugin_kit.calling import MeasurementPlugin, PlatformClient, PluginCallError
from plugin_processes import served
from processes import server_address
from session_sharing.server import HostOptions, SessionHost, parse_listener

SUPPORT = Path(__file__).parents[1] / "support"
CLASS = "session_sharing.tests.Lock"
PIN_MAP = """\
<?xml version="1.0" encoding="utf-8"?>
<PinMap schemaVersion="1.6" xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd">
  <Instruments>
    <Instrument name="scope-1" instrumentTypeId="HardwareLock"><Channel id="0" /></Instrument>
  </Instruments>
  <Pins><DUTPin name="Lock" /></Pins>
  <PinGroups />
  <Sites><Site siteNumber="0" /></Sites>
  <Connections>
    <Connection pin="Lock" siteNumber="0" instrument="scope-1" channel="0" />
  </Connections>
</PinMap>
"""


def environment(platform: Platform, lock_target: str) -> dict[str, str]:
    paths = [str(SUPPORT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    path = os.pathsep.join(filter(None, paths))
    base = {**os.environ, "PYTHONPATH": path, "LOCK_TARGET": lock_target}
    return hooked_environment(platform.discovery_address, base)


class Bench:
    """A platform with the plug-in and a server of locks."""

    def __init__(self, platform: Platform, host: SessionHost, pin_map_id: str) -> None:
        self.platform = platform
        self.host = host
        self._pin_map_id = pin_map_id

    def measure(self, timeout: float | None = None, **values: object) -> dict[str, Any]:
        address = self.platform.discovery_address
        with MeasurementPlugin.resolve(CLASS, discovery_address=address) as plugin:
            return plugin.measure(values, pin_map_id=self._pin_map_id, timeout=timeout)

    def is_free(self) -> bool:
        """Return whether no process holds the lock or its pin, so that measuring need not wait."""
        return len(self.host.registry) == 0 and self.measure(timeout=5.0)["new_session"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short path, because a socket's path must be short."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def bench(folder: Path) -> Iterator[Bench]:
    (folder / "pins.pinmap").write_text(PIN_MAP)
    listeners = (parse_listener(server_address(folder)),)
    options = HostOptions(listeners=listeners, grace=0.5, anonymous=True)
    with (
        Platform(PlatformOptions(has_device_server=False)) as platform,
        hosted(options) as host,
        served(("-m", "lock_plugin"), environment(platform, host.targets[0]), CLASS),
    ):
        with PlatformClient(platform.discovery_address) as client:
            pin_map_id = client.load_pin_map(folder / "pins.pinmap")
        yield Bench(platform, host, pin_map_id)


def test_the_pins_instrument_is_the_resource_and_its_session_ends_with_the_call(
    bench: Bench,
) -> None:
    assert bench.measure() == {"resource": "scope-1", "new_session": True}
    assert bench.is_free()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seconds": -1.0}, "INVALID_ARGUMENT: seconds is negative"),
        ({"seconds": 13.0}, "UNKNOWN: LookupError: as told"),
        ({"pin": "Nowhere"}, "Nowhere"),
    ],
)
def test_an_error_reaches_the_caller_with_its_words(
    bench: Bench, values: dict[str, object], said: str
) -> None:
    with pytest.raises(PluginCallError, match=said):
        bench.measure(**values)
    assert bench.is_free()


def test_a_deadline_ends_the_call_and_frees_lock_and_pin(bench: Bench) -> None:
    with pytest.raises(PluginCallError, match="DEADLINE_EXCEEDED"):
        bench.measure(timeout=0.3, seconds=60.0)
    wait_until(lambda: len(bench.host.registry) == 0)
    assert bench.is_free()


def test_a_call_waits_for_a_pin_that_another_holds(bench: Bench) -> None:
    results: list[dict[str, Any]] = []
    first = threading.Thread(target=lambda: results.append(bench.measure(seconds=0.5)))
    first.start()
    wait_until(lambda: len(bench.host.registry) == 1)

    results.append(bench.measure())
    first.join(10)

    assert [result["new_session"] for result in results] == [True, True]
