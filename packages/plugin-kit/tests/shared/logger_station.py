"""Run a platform that starts a logging plug-in and the logger on demand, as on a station."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from platform_sim import Platform, PlatformOptions
from plugin_kit.calling import MeasurementPlugin, PlatformClient
from plugin_processes import install


@dataclass(frozen=True)
class LoggingPlugin:
    """A plug-in that logs, with the facts that its tests need."""

    module: str
    """Import name of its package."""
    distribution: str
    """Name on the package index."""
    service_class: str
    """Service class in discovery."""
    file_name: str
    """Name of its .serviceconfig and .measui files, without the ending."""
    pin_map: str
    """XML of the pin map of the measurement; its log is the instrument measurements.ndjson."""
    values: Mapping[str, object]
    """Parameters of the measurement, unless a test passes others."""
    data: Path
    """Folder with its .serviceconfig and .measui files."""


@dataclass(frozen=True)
class Station:
    """The running platform, with the facts that tests need."""

    logging_plugin: LoggingPlugin
    discovery_address: str
    pin_map_id: str
    log_file: Path

    def plugin(self) -> MeasurementPlugin:
        """Return a client of the plug-in."""
        return MeasurementPlugin.resolve(
            self.logging_plugin.service_class, discovery_address=self.discovery_address
        )

    def measure(self, sites: list[int] | None = None, **values: object) -> dict[str, Any]:
        """Measure once, with the plug-in's values and those passed here."""
        with self.plugin() as plugin:
            return plugin.measure(
                {**self.logging_plugin.values, **values}, pin_map_id=self.pin_map_id, sites=sites
            )

    def records(self) -> list[dict[str, Any]]:
        """Return the records in the log file."""
        return [json.loads(line) for line in self.log_file.read_text("utf-8").splitlines()]


@contextmanager
def running_station(plugin: LoggingPlugin, folder: Path, bench: str = "") -> Iterator[Station]:
    """Start everything in a folder; `bench` describes the circuit of the instruments."""
    install(plugin.module, folder / "plugins" / plugin.module, "--simulate")
    install("json_logger_server", folder / "plugins" / "json_logger_server")
    (folder / "pins.pinmap").write_text(plugin.pin_map, encoding="utf-8")
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
        patch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(folder / "data"))
        with Platform(options) as platform:
            with PlatformClient(platform.discovery_address) as client:
                pin_map_id = client.load_pin_map(folder / "pins.pinmap")
            log_file = folder / "data" / "json-logger" / "measurements.ndjson"
            yield Station(plugin, platform.discovery_address, pin_map_id, log_file)
