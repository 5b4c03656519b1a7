"""List the pins, relays and groups of a pin map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from platform_sim.errors import InvalidRequestError
from platform_sim.pin_map.model import Group, Leaf, PinMap


def query_pins(pin_map: PinMap, type_id: str = "") -> tuple[list[Leaf], list[Group]]:
    """Return pins and pin groups.

    Args:
        pin_map: The pin map.
        type_id: Return only pins of this instrument type, and groups that have only such pins.
    """
    if not type_id:
        return list(pin_map.pins), list(pin_map.pin_groups)
    connected = {
        connection.leaf
        for connection in pin_map.connections
        if pin_map.instrument_by_name[connection.instrument].type_id == type_id
    }
    pins = [pin for pin in pin_map.pins if pin.name in connected]
    groups = [
        group for group in pin_map.pin_groups if connected.issuperset(_leaves(pin_map, group))
    ]
    return pins, groups


def expand_names(
    pin_map: PinMap, names: Sequence[str]
) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Resolve names of pins, relays and groups.

    Args:
        pin_map: The pin map.
        names: Names; an empty list means all pins and relays.

    Returns:
        The distinct pins and relays in the requested order, and the members of each named group.

    Raises:
        InvalidRequestError: A name is empty or unknown.
    """
    if not names:
        return [leaf.name for leaf in (*pin_map.pins, *pin_map.relays)], {}
    unknown = [
        name
        for name in names
        if name not in pin_map.leaf_by_name and name not in pin_map.group_by_name
    ]
    if unknown:
        raise InvalidRequestError(
            "Pin map does not contain pin, relay or group names: " + quoted(unknown)
        )
    leaves: dict[str, None] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for name in names:
        if name in pin_map.leaf_by_name:
            leaves[name] = None
        else:
            groups[name] = pin_map.leaves_of_group[name]
            leaves.update(dict.fromkeys(groups[name]))
    return list(leaves), groups


def unknown_sites(pin_map: PinMap, sites: Iterable[int]) -> list[int]:
    """Return the sites that the pin map does not have, each once."""
    return list(dict.fromkeys(site for site in sites if site not in pin_map.sites))


def unknown_sites_message(sites: Iterable[int]) -> str:
    """Return the error text for unknown sites, with the words of NI's service."""
    return f"Pin map does not contain site numbers: {quoted(sites)}"


def quoted(values: Iterable[object]) -> str:
    """Return values in double quotes, joined by commas."""
    return ", ".join(f'"{value}"' for value in values)


def _leaves(pin_map: PinMap, group: Group) -> tuple[str, ...]:
    return pin_map.leaves_of_group[group.name]
