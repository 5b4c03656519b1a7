"""Draw random pin maps without errors."""

from __future__ import annotations

from hypothesis import strategies as st
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

_CHANNELS = 6
_TYPES = sorted({kind.type_id for kind in TYPE_OF_ELEMENT.values()})


@st.composite
def pin_maps(draw: st.DrawFn) -> PinMap:
    """Draw a pin map in which every reference exists and no pin is connected twice."""
    sites = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
    instruments = [draw(_instrument(f"I{number}")) for number in range(draw(st.integers(1, 4)))]
    pins = tuple(
        Leaf(f"P{number}", is_system=draw(st.booleans()))
        for number in range(draw(st.integers(0, 5)))
    )
    relays = tuple(
        Leaf(f"R{number}", is_system=draw(st.booleans()))
        for number in range(draw(st.integers(0, 3)))
    )
    multiplexers = (Multiplexer("M0", "T0"), Multiplexer("M1", ""))
    connections = [
        connection
        for leaf in (*pins, *relays)
        for connection in _connections(draw, leaf, leaf in relays, instruments, sites)
    ]
    return PinMap(
        instruments=tuple(instruments),
        multiplexers=multiplexers,
        pins=pins,
        pin_groups=_groups(draw, "PG", [pin.name for pin in pins]),
        relays=relays,
        relay_groups=_groups(draw, "RG", [relay.name for relay in relays]),
        sites=tuple(sites),
        connections=tuple(draw(st.permutations(connections))),
        schema_version="1.6",
    )


@st.composite
def _instrument(draw: st.DrawFn, name: str) -> Instrument:
    type_id = draw(st.sampled_from([*_TYPES, "CustomA", "CustomB"]))
    if type_id.startswith("Custom"):
        channels = tuple(str(number) for number in range(_CHANNELS))
        return Instrument(name, type_id, channels=channels)
    groups: tuple[ChannelGroup, ...] = ()
    if type_id == "niDCPower":
        split = draw(st.integers(0, _CHANNELS - 1))
        low = tuple(str(number) for number in range(split))
        high = tuple(str(number) for number in range(split, _CHANNELS))
        groups = (ChannelGroup("G0", low), ChannelGroup("G1", high)) if low else ()
        groups = groups or (ChannelGroup(draw(st.sampled_from(["G0", "G1"]))),)
    return Instrument(
        name,
        type_id,
        number_of_channels=1 if type_id == "niDMM" else _CHANNELS,
        group=draw(st.sampled_from(["", "Shared"])),
        channel_groups=groups,
    )


def _connections(
    draw: st.DrawFn, leaf: Leaf, is_relay: bool, instruments: list[Instrument], sites: list[int]
) -> list[Connection]:
    """Connect a leaf at most once for each site and instrument type."""
    fitting = [one for one in instruments if (one.type_id == "niRelayDriver") == is_relay]
    connections = []
    for type_id in sorted({one.type_id for one in fitting}):
        candidates = [one for one in fitting if one.type_id == type_id]
        free = [(SYSTEM_SITE,)] if leaf.is_system else _site_blocks(draw, sites)
        for block in free:
            instrument = draw(st.sampled_from(candidates))
            channel = draw(st.integers(0, (instrument.number_of_channels or _CHANNELS) - 1))
            multiplexer = "" if is_relay else draw(st.sampled_from(["", "M0", "M1"]))
            connections.append(
                Connection(
                    leaf.name,
                    block,
                    instrument.name,
                    f"K{channel}" if is_relay else str(channel),
                    multiplexer,
                    f"route{channel}" if multiplexer else "",
                    is_relay,
                )
            )
    return connections


def _site_blocks(draw: st.DrawFn, sites: list[int]) -> list[tuple[int, ...]]:
    """Divide some of the sites into groups that share a connection."""
    blocks: dict[int, list[int]] = {}
    for site in sites:
        block = draw(st.integers(-1, 1))
        if block >= 0:
            blocks.setdefault(block, []).append(site)
    return [tuple(block) for block in blocks.values()]


def _groups(draw: st.DrawFn, prefix: str, leaves: list[str]) -> tuple[Group, ...]:
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 3))):
        known = [*leaves, *(one.name for one in groups)]
        if known:
            members = draw(st.lists(st.sampled_from(known), max_size=4))
            groups.append(Group(f"{prefix}{number}", tuple(members)))
    return tuple(groups)
