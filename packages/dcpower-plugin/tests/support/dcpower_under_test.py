"""The plug-in, with the pin map that its tests measure with."""

from __future__ import annotations

from pathlib import Path

from logger_station import LoggingPlugin

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

PLUGIN = LoggingPlugin(
    module="dcpower_logger_plugin",
    distribution="dcpower-logger-plugin",
    service_class="ni.examples.NIDCPowerSourceDCVoltageWithLogger",
    file_name="NIDCPowerWithLogger",
    pin_map=PIN_MAP,
    values={"nidcpower_pins": ["Vdd"], "json_logger_pin": "Log"},
    data=Path(__file__).parents[2] / "src" / "dcpower_logger_plugin" / "data",
)
