"""The plug-in, with the pin map that its tests measure with."""

from __future__ import annotations

from pathlib import Path

from logger_station import LoggingPlugin

PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap schemaVersion="1.6" xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd">
  <Instruments>
    <NIDmmInstrument name="DMM1" />
    <Instrument name="measurements.ndjson" instrumentTypeId="JsonLoggerService">
      <Channel id="0" />
    </Instrument>
  </Instruments>
  <Pins><DUTPin name="Vout" /><DUTPin name="Loose" /><DUTPin name="Log" /></Pins>
  <PinGroups />
  <Sites><Site siteNumber="0" /><Site siteNumber="1" /></Sites>
  <Connections>
    <Connection pin="Vout" siteNumber="0,1" instrument="DMM1" channel="0" />
    <Connection pin="Log" siteNumber="0,1" instrument="measurements.ndjson" channel="0" />
  </Connections>
</PinMap>
"""

PLUGIN = LoggingPlugin(
    module="dmm_logger_plugin",
    distribution="dmm-logger-plugin",
    service_class="ni.examples.NIDmmMeasurementWithLogger",
    file_name="NIDmmMeasurementWithLogger",
    pin_map=PIN_MAP,
    values={"nidmm_pin": "Vout", "json_logger_pin": "Log"},
    data=Path(__file__).parents[2] / "src" / "dmm_logger_plugin" / "data",
)
