"""A plug-in built on the bridge: hosted, measuring under a lock, told of every end of its call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hosting import hosted
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from platform_sim.errors import PlatformSimError
from platform_sim.hook import hooked_environment
from platform_sim.platform import Platform
from plugin_kit.calling import MeasurementPlugin, PlatformClient
from processes import SUPPORT, eventually
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.ni import SessionConstructor
from session_sharing.server import HostOptions, SessionHost, UnixListener

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


@contextmanager
def serving(platform: Platform, lock_target: str) -> Iterator[subprocess.Popen[str]]:
    paths = [str(SUPPORT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "LOCK_TARGET": lock_target,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "lock_plugin", "serve"],
        env=hooked_environment(platform.discovery_address, environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"ready: {CLASS} at ")
        yield process
        process.kill()


class Bench:
    """A platform with the plug-in and a server of locks."""

    def __init__(self, platform: Platform, host: SessionHost, pin_map_id: str) -> None:
        self.platform = platform
        self.host = host
        self._pin_map_id = pin_map_id

    def measure(self, timeout: float | None = None, **values: object) -> dict[str, Any]:
        address = self.platform.discovery_address
        with MeasurementPlugin.resolve(CLASS, discovery_address=address) as plugin:
            *_, last = plugin.measure(values, pin_map_id=self._pin_map_id, timeout=timeout)
        return last

    def is_free(self) -> bool:
        """Whether nobody holds the lock, nor its pin: then measuring waits for nobody."""
        return len(self.host.registry) == 0 and self.measure(timeout=5.0)["new_session"]


@pytest.fixture
def bench(bare_platform: Platform, folder: Path) -> Iterator[Bench]:
    (folder / "pins.pinmap").write_text(PIN_MAP)
    with PlatformClient(bare_platform.discovery_address) as client:
        pin_map_id = client.load_pin_map(folder / "pins.pinmap")
    options = HostOptions(listeners=(UnixListener(folder / "s" / "lock"),), grace=0.5)
    with hosted(options) as host, serving(bare_platform, host.targets[0]):
        yield Bench(bare_platform, host, pin_map_id)


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
    with pytest.raises(PlatformSimError, match=said):
        bench.measure(**values)
    assert bench.is_free()


def test_a_deadline_ends_the_call_and_frees_lock_and_pin(bench: Bench) -> None:
    with pytest.raises(PlatformSimError, match="DEADLINE_EXCEEDED"):
        bench.measure(timeout=0.3, seconds=60.0)
    eventually(lambda: len(bench.host.registry) == 0, within=30)
    assert bench.is_free()


def test_a_call_waits_for_a_pin_that_another_holds(bench: Bench) -> None:
    results: list[dict[str, Any]] = []
    first = threading.Thread(target=lambda: results.append(bench.measure(seconds=0.5)))
    first.start()
    eventually(lambda: len(bench.host.registry) == 1, within=10)

    results.append(bench.measure())
    first.join(10)

    assert [result["new_session"] for result in results] == [True, True]


@pytest.mark.parametrize("reason", ["SIGTERM", "SIGINT", "end of input"])
def test_a_served_plugin_stops_cleanly_and_is_unregistered(
    bare_platform: Platform, reason: str
) -> None:
    with serving(bare_platform, "unix:/nowhere") as process:
        if reason == "end of input":
            assert process.stdin is not None
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, reason))
        assert process.wait(10) == 0
    with PlatformClient(bare_platform.discovery_address) as client:
        classes = [one.service_descriptor.service_class for one in client.active_services()]
    assert CLASS not in classes


def test_install_lays_out_a_folder_that_discovery_can_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lock_plugin", "install", str(tmp_path / "p"), "--simulate"]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    files = {path.name for path in (tmp_path / "p").iterdir()}
    assert {"LockPlugin.serviceconfig", "start.bat", "start.sh", "install.bat", ".env"} <= files
    assert os.access(tmp_path / "p" / "start.sh", os.X_OK)
    assert sys.executable in (tmp_path / "p" / "start.bat").read_text()


@pytest.mark.parametrize("behavior", SessionInitializationBehavior)
def test_a_constructor_takes_every_behavior_of_the_sdk(
    behavior: SessionInitializationBehavior,
) -> None:
    constructor = SessionConstructor[object](behavior)

    assert constructor.behavior is InitializationBehavior[behavior.name]
