"""Reads the XML of a .pinmap file.

The schema itself is not public; elements and attributes are those of NI's public samples, schema
versions 1.1 to 1.6. Unknown elements and attributes are passed over, so that newer files load.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from platform_sim.errors import PinMapSyntaxError
from platform_sim.pin_map.instrument_types import TYPE_OF_ELEMENT
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

_LARGEST_SITE = 2**31 - 1
"""Sites are int32 in NI's protocols."""

_MOST_CHANNELS = 10_000
"""Far more than any instrument has; each is counted out where no channels are named."""

NAMESPACE = "http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd"


def parse_pin_map(xml: str) -> PinMap:
    """Reads a pin map.

    References are not checked here: see `platform_sim.pin_map.validator`.

    Args:
        xml: Content of a .pinmap file; may start with a byte order mark and may declare an
            encoding, which is passed over because the text is decoded already.

    Raises:
        PinMapSyntaxError: The text is not XML, not a pin map, or an attribute is missing or wrong.
    """
    root = _parse_xml(xml)
    if _local_name(root) != "PinMap":
        raise PinMapSyntaxError(
            f"The root element is {_local_name(root)}, expected PinMap.", _line(root)
        )
    return PinMap(
        instruments=tuple(_instruments(root)),
        multiplexers=tuple(
            Multiplexer(_text(one, "name"), one.get("multiplexerTypeId", ""), _line(one))
            for one in _children(root, "Instruments", "Multiplexer")
        ),
        pins=_leaves(root, "Pins", "SystemPin"),
        pin_groups=_groups(root, "PinGroups", "pin"),
        relays=_leaves(root, "Relays", "SystemRelay"),
        relay_groups=_groups(root, "RelayGroups", "relay"),
        sites=tuple(_sites_of(root)),
        connections=tuple(_connections(root)),
        schema_version=root.get("schemaVersion", ""),
    )


def _parse_xml(xml: str) -> etree._Element:
    # An entity could name a file of this machine or grow without bound: none is resolved.
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
            group=element.get("group", ""),
            channel_groups=tuple(
                ChannelGroup(_text(one, "name"), _split(one.get("channels", "")), _line(one))
                for one in _elements(element, "ChannelGroup")
            ),
            channels=_declared_channels(element),
            line=_line(element),
        )


def _channel_count(element: etree._Element) -> int | None:
    for attribute in ("numberOfChannels", "numberOfControlLines"):
        if element.get(attribute) is not None:
            return _number(element, attribute, _text(element, attribute), _MOST_CHANNELS)
    return None


def _declared_channels(element: etree._Element) -> tuple[str, ...]:
    if _local_name(element) == "NIDAQmxTask":
        return _split(element.get("channelList", ""))
    return tuple(_text(one, "id") for one in _elements(element, "Channel"))


def _leaves(root: etree._Element, section: str, system_tag: str) -> tuple[Leaf, ...]:
    return tuple(
        Leaf(_text(one, "name"), is_system=_local_name(one) == system_tag, line=_line(one))
        for one in _children(root, section)
    )


def _groups(root: etree._Element, section: str, kind: str) -> tuple[Group, ...]:
    tag = f"{kind.capitalize()}Reference"
    return tuple(
        Group(
            _text(one, "name"),
            tuple(_text(reference, kind) for reference in _elements(one, tag)),
            _line(one),
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
                channel=_text(element, "channel"),
                line=_line(element),
            )
        elif tag in ("RelayConnection", "SystemRelayConnection"):
            yield Connection(
                leaf=_text(element, "relay"),
                sites=_sites(element) if tag == "RelayConnection" else (SYSTEM_SITE,),
                instrument=_text(element, "relayDriverModule"),
                channel=_text(element, "controlLine"),
                is_relay=True,
                line=_line(element),
            )


def _routes(element: etree._Element) -> Iterator[Connection]:
    for route in _elements(element):
        if not _local_name(route).startswith("Multiplexed"):
            continue
        yield Connection(
            leaf=_text(route, "pin"),
            sites=_sites(route) if route.get("siteNumber") is not None else (SYSTEM_SITE,),
            instrument=_text(element, "instrument"),
            channel=_text(element, "channel"),
            multiplexer=_text(route, "multiplexer"),
            route=_text(route, "routeName"),
            line=_line(route),
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


def _line(element: etree._Element) -> int:
    line: Any = element.sourceline  # the stubs do not know its type
    return int(line or 0)


def _text(element: etree._Element, attribute: str) -> str:
    value = element.get(attribute)
    if not value:
        raise PinMapSyntaxError(
            f"{_local_name(element)} needs the attribute {attribute}.", _line(element)
        )
    return value


def _sites_of(root: etree._Element) -> Iterator[int]:
    for one in _children(root, "Sites", "Site"):
        yield _number(one, "siteNumber", _text(one, "siteNumber"), _LARGEST_SITE)


def _sites(element: etree._Element) -> tuple[int, ...]:
    """The sites of a connection: a number, or a list of them such as "0,1"."""
    parts = _split(_text(element, "siteNumber"))
    return tuple(_number(element, "siteNumber", part, _LARGEST_SITE) for part in parts or ("",))


def _number(element: etree._Element, attribute: str, text: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit()):
        problem = "is not a number"
    elif len(text) > len(str(largest)) or int(text) > largest:
        problem = f"is more than {largest}"
    else:
        return int(text)
    raise PinMapSyntaxError(
        f"{_local_name(element)}: {attribute} {text!r:.60} {problem}.", _line(element)
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
