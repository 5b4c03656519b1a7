"""Plug-ins of NI's real SDK use the sessions of relays and of multiplexers."""

from __future__ import annotations

from plugin_folders import V1, V2, write_script_plugin

PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd" schemaVersion="1.6">
  <Instruments>
    <NIDCPowerInstrument name="SMU1" numberOfChannels="4">
      <ChannelGroup name="All" />
    </NIDCPowerInstrument>
    <NIRelayDriverModule name="Relays1" numberOfControlLines="64" />
    <Multiplexer name="Switch1" multiplexerTypeId="" />
  </Instruments>
  <Pins><DUTPin name="A" /><DUTPin name="B" /></Pins>
  <PinGroups />
  <Relays><SiteRelay name="Near" /><SystemRelay name="Far" /></Relays>
  <RelayGroups>
    <RelayGroup name="Both">
      <RelayReference relay="Near" /><RelayReference relay="Far" />
    </RelayGroup>
  </RelayGroups>
  <Sites><Site siteNumber="0" /></Sites>
  <Connections>
    <RelayConnection relay="Near" siteNumber="0" relayDriverModule="Relays1" controlLine="K0" />
    <SystemRelayConnection relay="Far" relayDriverModule="Relays1" controlLine="K7" />
    <MultiplexedConnection instrument="SMU1" channel="0">
      <MultiplexedDUTPinRoute pin="A" siteNumber="0" multiplexer="Switch1"
        routeName="b0c0-&gt;b0r0" />
      <MultiplexedDUTPinRoute pin="B" siteNumber="0" multiplexer="Switch1"
        routeName="b0c0-&gt;b0r1" />
    </MultiplexedConnection>
  </Connections>
</PinMap>
"""

HEAD = """
from pathlib import Path
import ni_measurement_plugin_sdk_service as nims
import niswitch

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))
"""
END = """
with service.host_service():
    input()
"""

CLOSES_RELAYS = f"""{HEAD}
@service.register_measurement
@service.configuration("relays", nims.DataType.String, "Both")
@service.output("positions", nims.DataType.StringArray1D)
def measure(relays):
    with service.context.reserve_sessions(relays) as reservation:
        with reservation.initialize_niswitch_sessions() as infos:
            positions = []
            for info in infos:
                info.session.relay_control(info.channel_list, niswitch.RelayAction.CLOSE)
                info.session.wait_for_debounce()
                for line in ("K0", "K1", "K7"):
                    position = info.session.get_relay_position(line)
                    positions.append(f"{{line}} {{position.name}}")
            return (positions,)
{END}"""

MEASURES_THROUGH_A_ROUTE = f"""{HEAD}
import nidcpower

@service.register_measurement
@service.configuration("pin", nims.DataType.String, "B")
@service.output("told", nims.DataType.StringArray1D)
def measure(pin):
    with service.context.reserve_session(pin) as reservation:
        with (
            reservation.initialize_nidcpower_session(),
            reservation.initialize_niswitch_multiplexer_session(),
        ):
            there = reservation.get_nidcpower_connection_with_multiplexer(niswitch.Session, pin)
            switch, route = there.multiplexer_session, there.multiplexer_route
            ends = route.split("->")
            found = [there.channel_name, route, switch.can_connect(*ends).name]
            switch.connect_multiple(route)
            found.append(switch.can_connect(*ends).name)
            switch.disconnect_multiple(route)
            return ([*found, switch.can_connect(*ends).name],)
{END}"""

SIMULATED = """
MEASUREMENT_PLUGIN_NIDCPOWER_SIMULATE=1
MEASUREMENT_PLUGIN_NIDCPOWER_BOARD_TYPE=PXIe
MEASUREMENT_PLUGIN_NIDCPOWER_MODEL=4141
MEASUREMENT_PLUGIN_NISWITCH_SIMULATE=1
MEASUREMENT_PLUGIN_NISWITCH_TOPOLOGY=2567/Independent
MEASUREMENT_PLUGIN_NISWITCH_MULTIPLEXER_SIMULATE=1
MEASUREMENT_PLUGIN_NISWITCH_MULTIPLEXER_TOPOLOGY=2529/2-Wire Dual 4x16 Matrix
"""


def measured(ni_platform, folder, script: str) -> dict[str, object]:
    """Return the outputs of a plug-in that runs `script`."""
    write_script_plugin(folder / "plugin", "test.Switches", script, providedInterfaces=[V1, V2])
    (folder / "plugin" / ".env").write_text(SIMULATED, encoding="utf-8")
    ni_platform.add_plugins(folder)
    pin_map_id = ni_platform.load_pin_map(PIN_MAP)
    (outputs,) = ni_platform.plugin("test.Switches").stream(pin_map_id=pin_map_id)
    return outputs


def test_the_relays_of_a_group_close(ni_platform, tmp_path):
    outputs = measured(ni_platform, tmp_path, CLOSES_RELAYS)
    assert outputs["positions"] == ["K0 CLOSED", "K1 OPEN", "K7 CLOSED"]


def test_a_pin_behind_a_multiplexer_has_its_route(ni_platform, tmp_path):
    outputs = measured(ni_platform, tmp_path, MEASURES_THROUGH_A_ROUTE)
    expected = ["PATH_AVAILABLE", "PATH_EXISTS", "PATH_AVAILABLE"]
    assert outputs["told"] == ["SMU1/0", "b0c0->b0r1", *expected]
