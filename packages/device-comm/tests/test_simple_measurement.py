"""The example plug-in works on the platform, which starts it and the device server on demand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from device_comm.cli import main
from platform_sim import Platform, PlatformOptions
from platform_sim.measui import measui_text
from plugin_kit import PluginCallError
from plugin_kit.calling import MeasurementPlugin, PlatformClient

EXAMPLE = Path(__file__).parents[1] / "examples" / "simple_measurement"
SERVICE_CLASS = "SimpleMeasurement_Python"
IN, OUT = "Register Value In (Binary)", "Register Value Out (Binary)"


class Station:
    """A running platform with the plug-in."""

    def __init__(self, address: str, pin_map: str) -> None:
        self.address = address
        self._pin_map = pin_map

    def plugin(self) -> MeasurementPlugin:
        return MeasurementPlugin.resolve(SERVICE_CLASS, discovery_address=self.address)

    def measure(self, **values: object) -> dict[str, Any]:
        with self.plugin() as plugin:
            return plugin.measure({IN: "00101010", **values}, pin_map_id=self._pin_map)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("station")
    done = CliRunner().invoke(main, ["install", str(folder / "plugins" / "device-comm")])
    assert done.exit_code == 0, done.output
    shutil.copy(EXAMPLE / "sample_register_map.csv", folder / "plugins" / "device-comm")
    shutil.copytree(EXAMPLE, folder / "plugins" / "simple_measurement")
    options = PlatformOptions(plugin_folders=(folder / "plugins",), log_folder=folder / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHON", sys.executable)
        with Platform(options) as platform:
            with PlatformClient(platform.discovery_address) as client:
                pin_map = client.load_pin_map(EXAMPLE / "CustomInstrument.pinmap")
            yield Station(platform.discovery_address, pin_map)


def test_a_value_is_written_and_read_back(station: Station) -> None:
    assert station.measure() == {OUT: "00101010"}
    assert station.measure(**{IN: "11111111"}) == {OUT: "11111111"}


def test_a_value_of_other_than_8_bits_is_refused_with_the_reason(station: Station) -> None:
    with pytest.raises(PluginCallError, match="8 bits"):
        station.measure(**{IN: "12"})


def test_the_panel_is_the_one_made_from_the_metadata(station: Station) -> None:
    with station.plugin() as plugin:
        due = measui_text(SERVICE_CLASS, plugin.metadata)
    panel = (EXAMPLE / "SimpleMeasurement.measui").read_text(encoding="utf-8")

    assert panel == due, f"run: platform-sim measui {SERVICE_CLASS} -o {EXAMPLE}"
