"""Plug-ins of NI's real SDK use the sessions of digital pattern instruments."""

from __future__ import annotations

import pytest
from pin_map_xml import connection, pin_map_xml, system_connection, with_channels
from plugin_folders import V1, V2, write_script_plugin

DIGITAL = "NIDigitalPatternInstrument"

PIN_MAP = pin_map_xml(
    instruments=[
        with_channels(DIGITAL, "D1", 32, "Both"),
        with_channels(DIGITAL, "D2", 32, "Both"),
        with_channels(DIGITAL, "D3", 32, "Third"),
    ],
    pins=["A", "B", "C"],
    system_pins=["S"],
    sites=[0, 1],
    connections=[
        connection("A", 0, "D1", 0),
        connection("A", 1, "D2", 0),
        connection("B", 0, "D1", 1),
        connection("B", 1, "D1", 4),
        connection("C", "0,1", "D3", 7),
        system_connection("S", "D2", 31),
    ],
    schema_version="1.5",
)

SCRIPT = """
from pathlib import Path
import ni_measurement_plugin_sdk_service as nims
import nidigital

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))


@service.register_measurement
@service.configuration("pins", nims.DataType.StringArray1D, ["A"])
@service.output("told", nims.DataType.StringArray1D)
@service.output("states", nims.DataType.StringArray1D)
def measure(pins):
    told, states = [], []
    with service.context.reserve_sessions(pins) as reservation:
        with reservation.initialize_nidigital_sessions() as infos:
            for info in infos:
                told.append(f"{info.session_name}: {info.channel_list}")
                session = info.session
                session.load_pin_map(service.context.pin_map_context.pin_map_id)
                channels = session.channels[info.channel_list]
                channels.selected_function = nidigital.SelectedFunction.DIGITAL
                channels.write_static(nidigital.WriteStaticPinState.X)
                states += [state.name for state in channels.read_static()]
            told += [each.channel_name for each in reservation.get_nidigital_connections(pins)]
    return (told, states)


with service.host_service():
    input()
"""

SIMULATED = """
MEASUREMENT_PLUGIN_NIDIGITAL_SIMULATE=1
MEASUREMENT_PLUGIN_NIDIGITAL_BOARD_TYPE=PXIe
MEASUREMENT_PLUGIN_NIDIGITAL_MODEL=6570
"""


@pytest.mark.parametrize(
    "pins,told,count",
    [
        (["B"], ["niDigitalPattern-D1, D2: site0/B, site1/B", "site0/B", "site1/B"], 2),
        (
            ["B", "A"],
            [
                "niDigitalPattern-D1, D2: site0/B, site0/A, site1/B, site1/A",
                *("site0/B", "site0/A", "site1/B", "site1/A"),
            ],
            4,
        ),
        (["C"], ["niDigitalPattern-D3: site0/C, site1/C", "site0/C", "site1/C"], 2),
        (
            ["A", "S"],
            ["niDigitalPattern-D1, D2: site0/A, site1/A, S", "site0/A", "site1/A", "S"],
            3,
        ),
        (
            ["C", "A"],
            [
                "niDigitalPattern-D1, D2: site0/A, site1/A",
                "niDigitalPattern-D3: site0/C, site1/C",
                *("site0/C", "site0/A", "site1/C", "site1/A"),
            ],
            4,
        ),
    ],
    ids=["one", "several", "a shared pin", "a system pin", "two sessions"],
)
def test_a_plug_in_reads_the_pins_of_its_sessions(ni_platform, tmp_path, pins, told, count):
    write_script_plugin(tmp_path / "plugin", "test.Digital", SCRIPT, providedInterfaces=[V1, V2])
    (tmp_path / "plugin" / ".env").write_text(SIMULATED, encoding="utf-8")
    ni_platform.add_plugins(tmp_path)
    pin_map_id = ni_platform.load_pin_map(PIN_MAP)
    outputs = ni_platform.plugin("test.Digital").measure({"pins": pins}, pin_map_id=pin_map_id)
    assert outputs["told"] == told
    assert outputs["states"] == ["L"] * count
