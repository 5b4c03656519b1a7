"""Read a pin map: XML of TestStand's Semiconductor Module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from device_sim.base.channels import ChannelList, tokens
from device_sim.drivers.nidigital.files.xml import children, local_name, parse
from device_sim.drivers.nidigital.pins import NO_SITE, PinMap, Place, key
from device_sim.errors import READING_FILE_FAILED, DriverError

_MOST_SITES = 4096
_DEEPEST = 50  # groups within groups


def read_pin_map(content: bytes, channels: ChannelList) -> PinMap:
    """Return the pin map of a file, with the connections of a session's channels.

    Connections of other instruments are left out.

    Raises:
        DriverError: The file has an error.
    """
    root = parse(content, "PinMap")
    kinds = ("DUTPin", "SystemPin")
    pins = [each.get("name", "") for kind in kinds for each in children(root, "Pins", kind)]
    sites = [_number(each.get("siteNumber", "")) for each in children(root, "Sites", "Site")]
    if len(sites) > _MOST_SITES:
        raise DriverError(READING_FILE_FAILED, f"The pin map has more than {_MOST_SITES} sites.")
    known = {key(pin): pin for pin in pins}
    return PinMap(
        tuple(known.values()),
        _groups(root, known),
        tuple(dict.fromkeys(sites)),
        tuple(_places(root, known, sites, channels)),
    )


def _groups(root: etree._Element, pins: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    members = {
        key(group.get("name", "")): [
            key(each.get("pin", "")) for each in group if local_name(each) == "PinReference"
        ]
        for group in children(root, "PinGroups", "PinGroup")
    }
    found: dict[str, tuple[str, ...]] = {}
    for name in members:
        _expand(name, members, pins, found, ())
    return found


def _expand(
    name: str,
    members: Mapping[str, list[str]],
    pins: Mapping[str, str],
    found: dict[str, tuple[str, ...]],
    within: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the pins of a group, and add them to those found. Its members may be groups."""
    if name in found:
        return found[name]
    if name in within or len(within) > _DEEPEST:
        raise DriverError(READING_FILE_FAILED, f"The pin group {name} contains itself.")
    listed: list[str] = []
    for member in members[name]:
        if member in pins:
            listed.append(pins[member])
        elif member in members:
            listed += _expand(member, members, pins, found, (*within, name))
        else:
            raise DriverError(
                READING_FILE_FAILED, f"The pin group {name} names {member}, which is no pin."
            )
    found[name] = tuple(dict.fromkeys(listed))
    return found[name]


def _places(
    root: etree._Element, pins: Mapping[str, str], sites: list[int], channels: ChannelList
) -> Iterator[Place]:
    devices = {device.lower() for device in channels.devices}
    for connection in children(root, "Connections"):
        for each in connection:
            instrument = each.get("instrument", "").strip()
            if instrument.lower() not in devices or key(each.get("pin", "")) not in pins:
                continue
            pin = pins[key(each.get("pin", ""))]
            channel = channels.select(f"{instrument}/{each.get('channel', '').rpartition('/')[2]}")
            is_system = local_name(each) == "SystemConnection"
            numbers = [] if is_system else map(_number, tokens(each.get("siteNumber", "")))
            for site in [NO_SITE] if is_system else numbers:
                if site not in (*sites, NO_SITE):
                    raise DriverError(READING_FILE_FAILED, f"The pin {pin} names site {site}.")
                yield Place(channel[0], pin, site)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise DriverError(READING_FILE_FAILED, f"{text!r} is not the number of a site.")
    return int(text)
