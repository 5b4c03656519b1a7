"""The known elements and attributes of pin maps, and the search for unknown ones in a file.

NI's schema is not public. The names come from NI's public samples of schema versions 1.0 to 1.9.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from platform_sim.pin_map.model import Unknown


@dataclass(frozen=True, slots=True)
class _Element:
    """The attributes and children that an element may have."""

    attributes: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


_NUMBERED = _Element(("name", "numberOfChannels"))
_GROUPED = _Element(("name", "numberOfChannels", "group"))
_RELAY = _Element(("name", "openStateDisplayLabel", "closedStateDisplayLabel"))

_ELEMENTS: Mapping[str, _Element] = {
    "PinMap": _Element(
        ("schemaVersion",),
        (
            "Instruments",
            "Pins",
            "PinGroups",
            "Relays",
            "RelayGroups",
            "RelayConfigurations",
            "Sites",
            "Connections",
        ),
    ),
    "Instruments": _Element(
        children=(
            "NIDCPowerInstrument",
            "NIDigitalPatternInstrument",
            "NIScopeInstrument",
            "NIDmmInstrument",
            "NIFGenInstrument",
            "NIDAQmxTask",
            "NIRelayDriverModule",
            "Instrument",
            "Multiplexer",
        )
    ),
    "NIDCPowerInstrument": _Element(_NUMBERED.attributes, ("ChannelGroup",)),
    "NIDigitalPatternInstrument": _GROUPED,
    "NIScopeInstrument": _GROUPED,
    "NIDmmInstrument": _Element(("name",)),
    "NIFGenInstrument": _NUMBERED,
    "NIDAQmxTask": _Element(("name", "taskType", "channelList", "useAsRelayDriver")),
    "NIRelayDriverModule": _Element(("name", "numberOfControlLines")),
    "Instrument": _Element(("name", "instrumentTypeId"), ("Channel", "ChannelGroup")),
    "Multiplexer": _Element(("name", "multiplexerTypeId")),
    "ChannelGroup": _Element(("name", "channels", "id"), ("Channel",)),
    "Channel": _Element(("id",)),
    "Pins": _Element(children=("DUTPin", "SystemPin")),
    "DUTPin": _Element(("name",)),
    "SystemPin": _Element(("name",)),
    "PinGroups": _Element(children=("PinGroup",)),
    "PinGroup": _Element(("name",), ("PinReference",)),
    "PinReference": _Element(("pin",)),
    "Relays": _Element(children=("SiteRelay", "SystemRelay")),
    "SiteRelay": _RELAY,
    "SystemRelay": _RELAY,
    "RelayGroups": _Element(children=("RelayGroup",)),
    "RelayGroup": _Element(("name",), ("RelayReference",)),
    "RelayReference": _Element(("relay",)),
    "RelayConfigurations": _Element(children=("RelayConfiguration",)),
    "RelayConfiguration": _Element(("name",), ("RelayPosition",)),
    "RelayPosition": _Element(("relay", "position")),
    "Sites": _Element(children=("Site",)),
    "Site": _Element(("siteNumber",)),
    "Connections": _Element(
        children=(
            "Connection",
            "SystemConnection",
            "MultiplexedConnection",
            "RelayConnection",
            "SystemRelayConnection",
        )
    ),
    "Connection": _Element(("pin", "siteNumber", "instrument", "channel")),
    "SystemConnection": _Element(("pin", "instrument", "channel")),
    "MultiplexedConnection": _Element(
        ("instrument", "channel"), ("MultiplexedDUTPinRoute", "MultiplexedSystemPinRoute")
    ),
    "MultiplexedDUTPinRoute": _Element(("pin", "siteNumber", "multiplexer", "routeName")),
    "MultiplexedSystemPinRoute": _Element(("pin", "multiplexer", "routeName")),
    "RelayConnection": _Element(("relay", "siteNumber", "relayDriverModule", "controlLine")),
    "SystemRelayConnection": _Element(("relay", "relayDriverModule", "controlLine")),
}


def find_unknown(parent: etree._Element) -> Iterator[Unknown]:
    """Yield the unknown elements and attributes below a known element."""
    inside = etree.QName(parent).localname
    yield from _unknown_attributes(parent, inside)
    for child in parent.iterchildren(etree.Element):
        tag = etree.QName(child).localname
        if tag in _ELEMENTS[inside].children:
            yield from find_unknown(child)
        else:
            meant = _meant(tag, _ELEMENTS[inside].children)
            name = child.get("name", "")
            yield Unknown(tag, inside, name=name, meant=meant, line=line_of(child))


def line_of(element: etree._Element) -> int:
    """Return the line of an element in its file, 0 if it is not known."""
    line: Any = element.sourceline  # lxml's stubs give no type
    return int(line or 0)


def _unknown_attributes(element: etree._Element, tag: str) -> Iterator[Unknown]:
    known = _ELEMENTS[tag].attributes
    for name in element.attrib:
        if name not in known and not str(name).startswith("{"):  # "{": of another namespace
            meant = _meant(str(name), known)
            yield Unknown(tag, tag, attribute=str(name), meant=meant, line=line_of(element))


def _meant(name: str, known: Collection[str]) -> str:
    """Return the known name that was misspelt, "" if the name may come from a newer schema."""
    return next((one for one in known if _is_slip(name.lower(), one.lower())), "")


def _is_slip(written: str, known: str) -> bool:
    """Return whether a name is the start of another, or has one wrong or two swapped letters."""
    start = _common_start(written, known)
    end = _common_start(written[start:][::-1], known[start:][::-1])
    wrong, right = written[start : len(written) - end], known[start : len(known) - end]
    is_swapped = len(wrong) == 2 and wrong == right[::-1]
    return max(len(wrong), len(right)) <= 1 or is_swapped or known.startswith(written)


def _common_start(one: str, other: str) -> int:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)
