"""Read the XML of a .pinmap file.

The parser records unknown elements and attributes and continues. So newer files load, and files
with instruments that this package does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from platform_sim.errors import PinMapSyntaxError
from platform_sim.pin_map.instrument_types import DCPOWER, TYPE_OF_ELEMENT
from platform_sim.pin_map.model import (
    SYSTEM_SITE,
    ChannelGroup,
    Connection,
    Group,
    Instrument,
    Leaf,
    Multiplexer,
    PinMap,
)
from platform_sim.pin_map.schema import find_unknown, line_of

_RANGE = re.compile(
    r"(?P<prefix>.*?)(?P<first>\d+):(?P=prefix)?(?P<last>\d+)", re.ASCII | re.IGNORECASE
)
"""Channels such as 0:3, Dev1/ai0:2 and Dev1/ai0:dev1/ai2."""

_DASHED_RANGE = re.compile(r"(\d+)-(\d+)", re.ASCII)
"""Channels such as 0-3, which public files use beside 0:3."""

_LARGEST_SITE = 2**31 - 1
"""Sites are int32 in NI's protocols."""

_MOST_CHANNELS = 10_000
"""Far more than any instrument has. Without declared channels, each channel becomes an entry."""

NAMESPACE = "http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd"


def parse_pin_map(xml: str) -> PinMap:
    """Read a pin map.

    This function does not check references: see `platform_sim.pin_map.validator`.

    Args:
        xml: Content of a .pinmap file. It may start with a byte order mark and declare an
            encoding. The encoding is ignored, because the text is decoded already.

    Raises:
        PinMapSyntaxError: The text is not XML, not a pin map, or an attribute is missing or wrong.
    """
    root = _parse_xml(xml)
    if _local_name(root) != "PinMap":
        raise PinMapSyntaxError(
            f"The root element is {_local_name(root)}, but a pin map needs PinMap.", line_of(root)
        )
    unknown = tuple(find_unknown(root))
    unknown_names = {one.name for one in unknown if one.name}
    usable: list[Connection] = []
    unusable: list[Connection] = []
    for one in _connections(root):
        names = {one.leaf, one.instrument, one.multiplexer}
        (usable if names.isdisjoint(unknown_names) else unusable).append(one)
    return PinMap(
        instruments=tuple(_instruments(root)),
        multiplexers=tuple(
            Multiplexer(_text(one, "name"), one.get("multiplexerTypeId", ""), line_of(one))
            for one in _children(root, "Instruments", "Multiplexer")
        ),
        pins=_leaves(root, "Pins", "DUTPin", "SystemPin"),
        pin_groups=_groups(root, "PinGroups", "pin"),
        relays=_leaves(root, "Relays", "SiteRelay", "SystemRelay"),
        relay_groups=_groups(root, "RelayGroups", "relay"),
        sites=tuple(_sites_of(root)),
        connections=tuple(usable),
        unusable_connections=tuple(unusable),
        unknown=unknown,
        schema_version=root.get("schemaVersion", ""),
    )


def _parse_xml(xml: str) -> etree._Element:
    # An entity could name a file of this machine, or grow without limit. So none is resolved.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8"
    )
    try:
        return etree.fromstring(xml.lstrip("\ufeff").encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        problem = " ".join(error.msg.partition(", line ")[0].split())
        raise PinMapSyntaxError(
            f"This is not well-formed XML: {problem}.", error.lineno or 0
        ) from None


def _instruments(root: etree._Element) -> Iterator[Instrument]:
    for element in _children(root, "Instruments"):
        tag = _local_name(element)
        known = TYPE_OF_ELEMENT.get(tag)
        if known is None and tag != "Instrument":
            continue
        yield Instrument(
            name=_text(element, "name"),
            type_id=known.type_id if known else _text(element, "instrumentTypeId"),
            number_of_channels=_channel_count(element),
            drives_relays=_drives_relays(element),
            group=element.get("group", ""),
            channel_groups=_channel_groups(element) if known is DCPOWER else (),
            channels=_declared_channels(element),
            line=line_of(element),
        )


def _drives_relays(element: etree._Element) -> bool:
    return element.get("useAsRelayDriver", "").strip().lower() in ("true", "1")


def _channel_groups(element: etree._Element) -> tuple[ChannelGroup, ...]:
    return tuple(
        ChannelGroup(_text(one, "name"), _channel_list(one, "channels"), line_of(one))
        for one in _elements(element, "ChannelGroup")
    )


def _channel_count(element: etree._Element) -> int | None:
    for attribute in ("numberOfChannels", "numberOfControlLines"):
        if element.get(attribute) is not None:
            return _number(element, attribute, _text(element, attribute), _MOST_CHANNELS)
    return None


def _declared_channels(element: etree._Element) -> tuple[str, ...]:
    if _local_name(element) == "NIDAQmxTask":
        return _channel_list(element, "channelList")
    groups = _elements(element, "ChannelGroup")
    channels = (*_elements(element, "Channel"), *(one for g in groups for one in _elements(g)))
    return tuple(dict.fromkeys(_text(one, "id") for one in channels))


def _channel_list(element: etree._Element, attribute: str) -> tuple[str, ...]:
    """Read a list of channels. It may have ranges such as 0:2, 0-2, Dev1/ai0:2 or Line01:10."""
    channels: list[str] = []
    for part in _split(element.get(attribute, "")):
        dashed = _DASHED_RANGE.fullmatch(part)
        match = _RANGE.fullmatch(f"{dashed[1]}:{dashed[2]}" if dashed else part)
        if match is None:
            channels.append(part)
            continue
        first, last = (
            _number(element, attribute, text, _LARGEST_SITE)
            for text in (match["first"], match["last"])
        )
        if abs(last - first) >= _MOST_CHANNELS:
            problem = f"{attribute} {part!r:.60} has more than {_MOST_CHANNELS} channels"
            raise PinMapSyntaxError(f"{_local_name(element)}: {problem}.", line_of(element))
        step = 1 if first <= last else -1
        # NI-DAQmx keeps the width of a number with leading zeros: Line01:10.
        width = len(match["first"]) if first > 0 and match["first"].startswith("0") else 0
        channels += [f"{match['prefix']}{one:0{width}}" for one in range(first, last + step, step)]
    return tuple(channels)


def _leaves(root: etree._Element, section: str, site_tag: str, system_tag: str) -> tuple[Leaf, ...]:
    return tuple(
        Leaf(_text(one, "name"), is_system=_local_name(one) == system_tag, line=line_of(one))
        for one in _children(root, section)
        if _local_name(one) in (site_tag, system_tag)
    )


def _groups(root: etree._Element, section: str, kind: str) -> tuple[Group, ...]:
    tag = f"{kind.capitalize()}Reference"
    return tuple(
        Group(
            _text(one, "name"),
            tuple(_text(reference, kind) for reference in _elements(one, tag)),
            line_of(one),
        )
        for one in _children(root, section, f"{kind.capitalize()}Group")
    )


def _connections(root: etree._Element) -> Iterator[Connection]:
    for element in _children(root, "Connections"):
        tag = _local_name(element)
        if tag == "MultiplexedConnection":
            yield from _routes(element)
        elif tag in ("Connection", "SystemConnection"):
            yield Connection(
                leaf=_text(element, "pin"),
                sites=_sites(element) if tag == "Connection" else (SYSTEM_SITE,),
                instrument=_text(element, "instrument"),
                channel=_text(element, "channel").strip(),
                line=line_of(element),
            )
        elif tag in ("RelayConnection", "SystemRelayConnection"):
            yield Connection(
                leaf=_text(element, "relay"),
                sites=_sites(element) if tag == "RelayConnection" else (SYSTEM_SITE,),
                instrument=_text(element, "relayDriverModule"),
                channel=_text(element, "controlLine").strip(),
                is_relay=True,
                line=line_of(element),
            )


def _routes(element: etree._Element) -> Iterator[Connection]:
    for route in _elements(element):
        if _local_name(route) not in ("MultiplexedDUTPinRoute", "MultiplexedSystemPinRoute"):
            continue
        yield Connection(
            leaf=_text(route, "pin"),
            sites=_sites(route) if route.get("siteNumber") is not None else (SYSTEM_SITE,),
            instrument=_text(element, "instrument"),
            channel=_text(element, "channel").strip(),
            multiplexer=_text(route, "multiplexer"),
            route=_text(route, "routeName"),
            line=line_of(route),
        )


def _children(root: etree._Element, section: str, tag: str = "") -> Iterator[etree._Element]:
    for one in _elements(root, section):
        yield from _elements(one, tag)


def _elements(parent: etree._Element, tag: str = "") -> Iterator[etree._Element]:
    for child in parent:
        # Comments, processing instructions and unresolved entities have no tag.
        is_element = isinstance(child.tag, str)
        if is_element and tag in ("", _local_name(child)):
            yield child


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _text(element: etree._Element, attribute: str) -> str:
    value = element.get(attribute)
    if not value:
        raise PinMapSyntaxError(
            f"{_local_name(element)} needs the attribute {attribute}.", line_of(element)
        )
    return value


def _sites_of(root: etree._Element) -> Iterator[int]:
    for one in _children(root, "Sites", "Site"):
        yield _number(one, "siteNumber", _text(one, "siteNumber"), _LARGEST_SITE)


def _sites(element: etree._Element) -> tuple[int, ...]:
    """Return the sites of a connection: a number, or a list such as "0,1"."""
    parts = _split(_text(element, "siteNumber"))
    return tuple(_number(element, "siteNumber", part, _LARGEST_SITE) for part in parts or ("",))


def _number(element: etree._Element, attribute: str, text: str, largest: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        problem = "is not a number"
    elif len(text) > len(str(largest)) or int(text) > largest:
        problem = f"is more than {largest}"
    else:
        return int(text)
    raise PinMapSyntaxError(
        f"{_local_name(element)}: {attribute} {text!r:.60} {problem}.", line_of(element)
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
