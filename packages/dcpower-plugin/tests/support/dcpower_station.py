"""A platform with the plug-in and the logger, both started on demand, as on a station."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from platform_sim.platform import Platform, PlatformOptions
from plugin_kit.calling import MeasurementPlugin, PlatformClient

SERVICE_CLASS = "ni.examples.NIDCPowerSourceDCVoltageWithLogger"
PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap schemaVersion="1.6" xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd">
  <Instruments>
    <NIDCPowerInstrument name="DCPower1" numberOfChannels="4">
      <ChannelGroup name="First" />
    </NIDCPowerInstrument>
    <NIDCPowerInstrument name="DCPower2" numberOfChannels="4">
      <ChannelGroup name="Second" />
    </NIDCPowerInstrument>
    <Instrument name="measurements.ndjson" instrumentTypeId="JsonLoggerService">
      <Channel id="0" />
    </Instrument>
  </Instruments>
  <Pins>
    <DUTPin name="Vdd" /><DUTPin name="Vio" /><SystemPin name="Vsys" /><DUTPin name="Log" />
  </Pins>
  <PinGroups>
    <PinGroup name="Supplies"><PinReference pin="Vio" /><PinReference pin="Vdd" /></PinGroup>
  </PinGroups>
  <Sites><Site siteNumber="0" /><Site siteNumber="1" /></Sites>
  <Connections>
    <Connection pin="Vdd" siteNumber="0" instrument="DCPower1" channel="0" />
    <Connection pin="Vdd" siteNumber="1" instrument="DCPower1" channel="1" />
    <Connection pin="Vio" siteNumber="0" instrument="DCPower2" channel="3" />
    <Connection pin="Vio" siteNumber="1" instrument="DCPower2" channel="2" />
    <SystemConnection pin="Vsys" instrument="DCPower1" channel="3" />
    <Connection pin="Log" siteNumber="0,1" instrument="measurements.ndjson" channel="0" />
  </Connections>
</PinMap>
"""


@dataclass(frozen=True)
class Station:
    """The platform, and what the tests need of it."""

    discovery_address: str
    pin_map_id: str
    log_file: Path

    def plugin(self) -> MeasurementPlugin:
        """Return a client of the plug-in."""
        return MeasurementPlugin.resolve(SERVICE_CLASS, discovery_address=self.discovery_address)

    def measure(self, sites: list[int] | None = None, **values: object) -> dict[str, Any]:
        """Measure once with pin Vdd unless told otherwise."""
        values = {"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log", **values}
        with self.plugin() as plugin:
            *_, result = plugin.measure(values, pin_map_id=self.pin_map_id, sites=sites)
        return result

    def records(self) -> list[dict[str, Any]]:
        """Return what the log file holds."""
        return [json.loads(line) for line in self.log_file.read_text("utf-8").splitlines()]


@contextmanager
def running_station(folder: Path, bench: str = "") -> Iterator[Station]:
    """Bring everything up in a folder; `bench` describes what the instruments are wired to."""
    for module, options in (
        ("dcpower_logger_plugin", ["--simulate"]),
        ("json_logger_server", []),
    ):
        command = [sys.executable, "-m", module, "install", str(folder / "plugins" / module)]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    (folder / "pins.pinmap").write_text(PIN_MAP, encoding="utf-8")
    bench_file = folder / "bench.toml"
    bench_file.write_text(bench, encoding="utf-8")
    options = PlatformOptions(
        plugin_folders=(folder / "plugins",),
        bench=bench_file if bench else None,
        log_folder=folder / "logs",
    )
    # The path of the logger's socket in the runtime folder must be short.
    with tempfile.TemporaryDirectory() as runtime, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        with Platform(options) as platform:
            with PlatformClient(platform.discovery_address) as client:
                pin_map_id = client.load_pin_map(folder / "pins.pinmap")
            log_file = folder / "data" / "json-logger" / "measurements.ndjson"
            yield Station(platform.discovery_address, pin_map_id, log_file)
