"""Plug-ins of NI's real SDK acquire with sessions of digitizers."""

from __future__ import annotations

import pytest
from plugin_folders import V1, V2, write_script_plugin

PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd" schemaVersion="1.5">
  <Instruments>
    <NIScopeInstrument name="SCOPE1" numberOfChannels="4" group="A" />
    <NIScopeInstrument name="SCOPE2" numberOfChannels="4" group="B" />
    <NIScopeInstrument name="SCOPE3" numberOfChannels="4" group="C" />
    <NIScopeInstrument name="SCOPE4" numberOfChannels="4" group="C" />
  </Instruments>
  <Pins>
    <DUTPin name="A" /><DUTPin name="B" /><DUTPin name="C" /><DUTPin name="D" />
  </Pins>
  <PinGroups />
  <Sites><Site siteNumber="0" /></Sites>
  <Connections>
    <Connection pin="A" siteNumber="0" instrument="SCOPE1" channel="0" />
    <Connection pin="B" siteNumber="0" instrument="SCOPE2" channel="1" />
    <Connection pin="C" siteNumber="0" instrument="SCOPE3" channel="2" />
    <Connection pin="D" siteNumber="0" instrument="SCOPE4" channel="3" />
  </Connections>
</PinMap>
"""

SCRIPT = """
from pathlib import Path
import ni_measurement_plugin_sdk_service as nims
import niscope

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))


@service.register_measurement
@service.configuration("pins", nims.DataType.StringArray1D, ["A"])
@service.output("told", nims.DataType.StringArray1D)
@service.output("samples", nims.DataType.DoubleArray1D)
def measure(pins):
    told, samples = [], []
    with service.context.reserve_sessions(pins) as reservation:
        with reservation.initialize_niscope_sessions() as infos:
            for info in infos:
                told.append(f"{info.resource_name} {info.channel_list}")
                told.append(info.session.instrument_model)
                channels = info.session.channels[info.channel_list]
                channels.configure_vertical(5.0, niscope.VerticalCoupling.DC)
                info.session.configure_horizontal_timing(10e6, 5, 50.0, 1, True)
                info.session.configure_trigger_edge(
                    info.channel_list.split(",")[0], 0.5, niscope.TriggerCoupling.DC)
                with info.session.initiate():
                    for waveform in channels.fetch():
                        samples += waveform.samples
            told += [each.channel_name for each in reservation.get_niscope_connections(pins)]
    return (told, samples)


with service.host_service():
    input()
"""

SIMULATED = """
MEASUREMENT_PLUGIN_NISCOPE_SIMULATE=1
MEASUREMENT_PLUGIN_NISCOPE_BOARD_TYPE=PXIe
MEASUREMENT_PLUGIN_NISCOPE_MODEL=5162 (4CH)
"""
MODEL = "NI PXIe-5162 (4CH)"


@pytest.mark.parametrize(
    "pins,told",
    [
        (["A"], ["SCOPE1 0", MODEL, "0"]),
        (["A", "B"], ["SCOPE1 0", MODEL, "SCOPE2 1", MODEL, "0", "1"]),
        (
            ["C", "D"],
            ["SCOPE3, SCOPE4 SCOPE3/2, SCOPE4/3", MODEL, "SCOPE3/2", "SCOPE4/3"],
        ),
    ],
    ids=["one", "several", "one of two instruments"],
)
def test_a_plug_in_acquires_with_the_sessions_of_its_pins(ni_platform, tmp_path, pins, told):
    write_script_plugin(tmp_path / "plugin", "test.Scopes", SCRIPT, providedInterfaces=[V1, V2])
    (tmp_path / "plugin" / ".env").write_text(SIMULATED, encoding="utf-8")
    ni_platform.add_plugins(tmp_path)
    pin_map_id = ni_platform.load_pin_map(PIN_MAP)
    plugin = ni_platform.plugin("test.Scopes")
    (outputs,) = plugin.stream({"pins": pins}, pin_map_id=pin_map_id)
    assert outputs["told"] == told
    assert len(outputs["samples"]) == 5 * len(pins)
    assert all(-2.5 < sample < 2.5 for sample in outputs["samples"])
