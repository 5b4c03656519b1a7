"""Plug-ins of NI's real SDK use the sessions of generators."""

from __future__ import annotations

from plugin_folders import V1, V2, write_script_plugin

PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd" schemaVersion="1.6">
  <Instruments>
    <NIFGenInstrument name="FGEN1" numberOfChannels="2" />
    <NIFGenInstrument name="FGEN2" numberOfChannels="2" />
  </Instruments>
  <Pins><DUTPin name="A" /><DUTPin name="B" /></Pins>
  <PinGroups />
  <Sites><Site siteNumber="0" /></Sites>
  <Connections>
    <Connection pin="A" siteNumber="0" instrument="FGEN1" channel="1" />
    <Connection pin="B" siteNumber="0" instrument="FGEN2" channel="0" />
  </Connections>
</PinMap>
"""

GENERATES = """
from pathlib import Path
import nifgen
import ni_measurement_plugin_sdk_service as nims

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

@service.register_measurement
@service.configuration("pins", nims.DataType.StringArray1D, ["A", "B"])
@service.output("told", nims.DataType.StringArray1D)
def measure(pins):
    told = []
    with service.context.reserve_sessions(pins) as reservation:
        with reservation.initialize_nifgen_sessions() as infos:
            for info in infos:
                info.session.output_mode = nifgen.OutputMode.FUNC
                channels = info.session.channels[info.channel_list]
                channels.configure_standard_waveform(nifgen.Waveform.SINE, 2.0, 1.0e6)
                with info.session.initiate():
                    state = info.session.get_hardware_state().name
                told.append(f"{info.session_name} {info.session.instrument_model} {state}")
            for pin in pins:
                there = reservation.get_nifgen_connection(pin)
                told.append(f"{pin} {there.session_info.resource_name} {there.channel_name}")
    with service.context.reserve_session("A") as reservation:
        with reservation.initialize_nifgen_session() as info:
            told.append(f"one {info.session.channel_count}")
    return (told,)

with service.host_service():
    input()
"""

SIMULATED = """
MEASUREMENT_PLUGIN_NIFGEN_SIMULATE=1
MEASUREMENT_PLUGIN_NIFGEN_BOARD_TYPE=PXIe
MEASUREMENT_PLUGIN_NIFGEN_MODEL=5423 (2CH)
"""


def test_a_plugin_generates_on_its_pins(ni_platform, tmp_path):
    folder = tmp_path / "plugin"
    write_script_plugin(folder, "test.Generators", GENERATES, providedInterfaces=[V1, V2])
    (folder / ".env").write_text(SIMULATED, encoding="utf-8")
    ni_platform.add_plugins(tmp_path)
    pin_map_id = ni_platform.load_pin_map(PIN_MAP)
    (outputs,) = ni_platform.plugin("test.Generators").stream(pin_map_id=pin_map_id)
    assert outputs["told"] == [
        "niFGen-FGEN1 NI PXIe-5423 (2CH) RUNNING",
        "niFGen-FGEN2 NI PXIe-5423 (2CH) RUNNING",
        "A FGEN1 1",
        "B FGEN2 0",
        "one 2",
    ]
