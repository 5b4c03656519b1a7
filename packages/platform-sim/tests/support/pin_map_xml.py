"""Write pin maps as XML text."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from platform_sim.pin_map.instrument_types import TYPE_OF_ELEMENT
from platform_sim.pin_map.model import SYSTEM_SITE, Connection, Instrument, PinMap

NAMESPACE = "http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd"


def element(tag: str, *children: str, **attributes: object) -> str:
    """Return an element; attributes that are None are left out."""
    texts = (
        f" {name}={quoteattr(str(value))}"
        for name, value in attributes.items()
        if value is not None
    )
    content = "".join(children)
    start = f"<{tag}{''.join(texts)}"
    return f"{start}>{content}</{tag}>\n" if content else f"{start}/>\n"


def pin_map_xml(
    *,
    instruments: Iterable[str] = (),
    pins: Iterable[str] = (),
    system_pins: Iterable[str] = (),
    pin_groups: Iterable[str] = (),
    relays: Iterable[str] = (),
    relay_groups: Iterable[str] = (),
    sites: Iterable[int] = (0,),
    connections: Iterable[str] = (),
    schema_version: str = "1.6",
) -> str:
    """Return a whole pin map; pins are given by name, the rest as elements."""
    pin_elements = [
        *(element("DUTPin", name=name) for name in pins),
        *(element("SystemPin", name=name) for name in system_pins),
    ]
    sections = {
        "Instruments": instruments,
        "Pins": pin_elements,
        "PinGroups": pin_groups,
        "Relays": relays,
        "RelayGroups": relay_groups,
        "Sites": [element("Site", siteNumber=site) for site in sites],
        "Connections": connections,
    }
    body = "".join(f"<{tag}>\n{''.join(content)}</{tag}>\n" for tag, content in sections.items())
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<PinMap schemaVersion="{schema_version}" xmlns="{NAMESPACE}">\n{body}</PinMap>\n'
    )


def connection(pin: str, sites: object, instrument: str, channel: object) -> str:
    """Return the connection of a DUT pin; "0,1" shares it over sites."""
    return element("Connection", pin=pin, siteNumber=sites, instrument=instrument, channel=channel)


def system_connection(pin: str, instrument: str, channel: object) -> str:
    """Return the connection of a system pin."""
    return element("SystemConnection", pin=pin, instrument=instrument, channel=channel)


def multiplexed(instrument: str, channel: object, *routes: tuple[str, object, str, str]) -> str:
    """Return a multiplexed connection; a route is pin, sites, multiplexer, route name."""
    return element(
        "MultiplexedConnection",
        *(
            element(
                "MultiplexedDUTPinRoute",
                pin=pin,
                siteNumber=sites,
                multiplexer=multiplexer,
                routeName=route,
            )
            for pin, sites, multiplexer, route in routes
        ),
        instrument=instrument,
        channel=channel,
    )


def relay_connection(relay: str, sites: object, module: str, line: str) -> str:
    """Return the connection of a relay; sites None makes it a system relay's."""
    return element(
        "SystemRelayConnection" if sites is None else "RelayConnection",
        relay=relay,
        siteNumber=sites,
        relayDriverModule=module,
        controlLine=line,
    )


def group(kind: str, name: str, *members: str) -> str:
    """Return a group of "Pin" or "Relay" kind."""
    references = (element(f"{kind}Reference", **{kind.lower(): member}) for member in members)
    return element(f"{kind}Group", *references, name=name)


def dcpower(name: str, channels: int = 4, **groups: str | None) -> str:
    """Return a DC power instrument; groups map a group name to its channels, None for all."""
    groups = groups or {"Common": None}
    return element(
        "NIDCPowerInstrument",
        *(element("ChannelGroup", name=group, channels=those) for group, those in groups.items()),
        name=name,
        numberOfChannels=channels,
    )


def dmm(name: str) -> str:
    """Return a DMM."""
    return element("NIDmmInstrument", name=name)


def custom(name: str, type_id: str, *channels: str) -> str:
    """Return a custom instrument."""
    return element(
        "Instrument",
        *(element("Channel", id=channel) for channel in channels),
        name=name,
        instrumentTypeId=type_id,
    )


def with_channels(tag: str, name: str, channels: int, group_name: str | None = None) -> str:
    """Return an instrument with numbered channels."""
    return element(tag, name=name, numberOfChannels=channels, group=group_name)


def daqmx(name: str, channels: str) -> str:
    """Return a DAQmx task."""
    return element("NIDAQmxTask", name=name, taskType="AnalogInput", channelList=channels)


def relay_driver(name: str, lines: int = 64) -> str:
    """Return a relay driver module."""
    return element("NIRelayDriverModule", name=name, numberOfControlLines=lines)


def every_kind() -> str:
    """Return a pin map with every element of the schema."""
    return pin_map_xml(
        instruments=[
            dcpower("SMU1", A="0,1", B="2,3"),
            dcpower("SMU2", A=None),
            dmm("DMM1"),
            with_channels("NIScopeInstrument", "Scope1", 4, "Scopes"),
            with_channels("NIDigitalPatternInstrument", "Digital1", 32, "Digital"),
            with_channels("NIFGenInstrument", "FGen1", 2),
            daqmx("Task1", "Dev1/ai0, Dev1/ai1"),
            relay_driver("Relays1"),
            custom("logs/run.ndjson", "JsonLoggerService", "0"),
            element("Multiplexer", name="Mux1", multiplexerTypeId="Matrix"),
        ],
        pins=["Vcc", "Vdd", "Out", "Sense", "Clock", "Data", "Wave", "Analog", "Log"],
        system_pins=["Supply"],
        pin_groups=[
            group("Pin", "Power", "Vcc", "Vdd"),
            group("Pin", "Everything", "Power", "Out", "Supply"),
        ],
        relays=[element("SiteRelay", name="Load"), element("SystemRelay", name="Main")],
        relay_groups=[group("Relay", "AllRelays", "Load", "Main")],
        sites=[0, 1],
        connections=[
            connection("Vcc", 0, "SMU1", 0),
            connection("Vcc", 1, "SMU2", 1),
            connection("Vdd", "0,1", "SMU1", 2),
            system_connection("Supply", "SMU1", 3),
            connection("Out", "0,1", "DMM1", 0),
            connection("Sense", 0, "Scope1", 1),
            connection("Sense", 1, "Scope1", 0),
            connection("Clock", 0, "Digital1", 4),
            connection("Clock", 1, "Digital1", 6),
            connection("Data", 0, "Digital1", 5),
            connection("Data", 1, "Digital1", 7),
            connection("Wave", 0, "FGen1", 0),
            connection("Wave", 1, "FGen1", 1),
            connection("Analog", 0, "Task1", "Dev1/ai1"),
            connection("Analog", 1, "Task1", "Dev1/ai0"),
            connection("Log", "0,1", "logs/run.ndjson", 0),
            multiplexed("SMU2", 2, ("Out", 0, "Mux1", "c0->r0"), ("Out", 1, "Mux1", "c1->r0")),
            relay_connection("Load", 0, "Relays1", "K0"),
            relay_connection("Load", 1, "Relays1", "K1"),
            relay_connection("Main", None, "Relays1", "K63"),
        ],
    )


def to_xml(pin_map: PinMap) -> str:
    """Return the XML of a pin map that is given as data."""
    return pin_map_xml(
        instruments=[
            *(_instrument_element(one) for one in pin_map.instruments),
            *(
                element("Multiplexer", name=one.name, multiplexerTypeId=one.type_id)
                for one in pin_map.multiplexers
            ),
        ],
        pins=[one.name for one in pin_map.pins if not one.is_system],
        system_pins=[one.name for one in pin_map.pins if one.is_system],
        pin_groups=[group("Pin", one.name, *one.references) for one in pin_map.pin_groups],
        relays=[
            element("SystemRelay" if one.is_system else "SiteRelay", name=one.name)
            for one in pin_map.relays
        ],
        relay_groups=[group("Relay", one.name, *one.references) for one in pin_map.relay_groups],
        sites=pin_map.sites,
        connections=[_connection_element(one) for one in pin_map.connections],
    )


def _instrument_element(one: Instrument) -> str:
    tags = {kind.type_id: tag for tag, kind in TYPE_OF_ELEMENT.items()}
    if one.type_id not in tags:
        return custom(one.name, one.type_id, *one.channels)
    groups = (
        element("ChannelGroup", name=each.name, channels=",".join(each.channels) or None)
        for each in one.channel_groups
    )
    return element(
        tags[one.type_id],
        *groups,
        name=one.name,
        numberOfChannels=one.number_of_channels,
        group=one.group or None,
    )


def _connection_element(one: Connection) -> str:
    sites = None if one.sites == (SYSTEM_SITE,) else ",".join(map(str, one.sites))
    if one.is_relay:
        return relay_connection(one.leaf, sites, one.instrument, one.channel)
    if one.multiplexer:
        route = (one.leaf, sites, one.multiplexer, one.route)
        return multiplexed(one.instrument, one.channel, route)
    if sites is None:
        return system_connection(one.leaf, one.instrument, one.channel)
    return connection(one.leaf, sites, one.instrument, one.channel)
