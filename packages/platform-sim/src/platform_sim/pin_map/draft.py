"""Draft a pin map for one site: an instrument for the pins of each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from platform_sim.pin_map.instrument_types import (
    DAQMX,
    DCPOWER,
    DIGITAL,
    DMM,
    FGEN,
    SCOPE,
    TYPE_OF_ELEMENT,
)

_NAMESPACE = "http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd"
_ELEMENT_OF_TYPE = {known.type_id: name for name, known in TYPE_OF_ELEMENT.items()}
_RESOURCES = {
    DAQMX.type_id: "Task",
    DCPOWER.type_id: "SMU",
    DIGITAL.type_id: "DIGITAL",
    DMM.type_id: "DMM",
    FGEN.type_id: "FGEN",
    SCOPE.type_id: "SCOPE",
    "JsonLoggerService": "measurements.ndjson",
}
"""How instruments are named, by type. A custom instrument has the name of its type."""


def draft_pin_map(pins: Mapping[str, str]) -> str:
    """Return the XML text of a pin map with these pins, each on a channel of its own.

    Args:
        pins: Instrument type id by pin. A pin without a type is connected to nothing.
    """
    default_namespace: Any = {None: _NAMESPACE}
    root = etree.Element("PinMap", {"schemaVersion": "1.6"}, nsmap=default_namespace)
    instruments, pin_list, _, sites, connections = (
        etree.SubElement(root, name)
        for name in ("Instruments", "Pins", "PinGroups", "Sites", "Connections")
    )
    etree.SubElement(sites, "Site", siteNumber="0")
    for type_id in dict.fromkeys(pins.values()):
        names = [name for name, wanted in pins.items() if wanted == type_id]
        custom = type_id not in _ELEMENT_OF_TYPE
        for name in names:
            etree.SubElement(pin_list, "SystemPin" if custom and type_id else "DUTPin", name=name)
        if type_id:
            _connect(instruments, connections, type_id, names)
    etree.indent(root, "  ")
    body: str = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _connect(
    instruments: etree._Element, connections: etree._Element, type_id: str, pins: list[str]
) -> None:
    """Add the instruments of a type, and connect a pin to each channel."""
    alone = type_id == DMM.type_id  # a DMM has one channel
    for number, pin in enumerate(pins):
        if number == 0 or alone:
            instrument = _instrument(type_id, number + 1, 1 if alone else len(pins))
            instruments.append(instrument)
        channel = _channel(type_id, 0 if alone else number)
        where = {"instrument": str(instrument.get("name")), "channel": channel}
        if instrument.tag == "Instrument":
            etree.SubElement(instrument, "Channel", id=channel)
            etree.SubElement(connections, "SystemConnection", {"pin": pin, **where})
        else:
            etree.SubElement(connections, "Connection", {"pin": pin, "siteNumber": "0", **where})


def _channel(type_id: str, number: int) -> str:
    return f"Dev1/ai{number}" if type_id == DAQMX.type_id else str(number)


def _instrument(type_id: str, number: int, channels: int) -> etree._Element:
    element = _ELEMENT_OF_TYPE.get(type_id, "Instrument")
    name = _RESOURCES.get(type_id, type_id)
    if element == "Instrument":
        return etree.Element(element, name=name, instrumentTypeId=type_id)
    made = etree.Element(element, name=f"{name}{number}")
    if type_id == DAQMX.type_id:
        made.set("taskType", "AnalogInput")
        channel_list = ", ".join(_channel(type_id, number) for number in range(channels))
        made.set("channelList", channel_list)
    elif type_id != DMM.type_id:
        made.set("numberOfChannels", str(max(channels, 2)))
    if type_id in (DIGITAL.type_id, SCOPE.type_id):
        made.set("group", name)
    if type_id == DCPOWER.type_id:
        etree.SubElement(made, "ChannelGroup", name="CommonDCPowerChannelGroup")
    return made
