"""Find the errors in a pin map that NI's schema refuses, and likely mistakes.

NI's schema is not public. The rules come from its documentation and NI's public samples: keys are
unique, references name things that exist, channels exist, and a pin has at most one channel for
each site and instrument type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from platform_sim.errors import InvalidRequestError
from platform_sim.pin_map.instrument_types import DCPOWER, DMM, RELAY_DRIVER
from platform_sim.pin_map.model import SYSTEM_SITE, Connection, Instrument, PinMap

KNOWN_SCHEMA_VERSIONS = tuple(f"1.{minor}" for minor in range(10))
_MOST_SHOWN = 5


class Severity(Enum):
    """Severity of a finding."""

    ERROR = "error"
    """The pin map is refused."""
    WARNING = "warning"
    """The pin map is used in spite of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or warning about a pin map."""

    line: int
    """Line in the file, 0 for the file as a whole."""
    message: str
    """The problem."""
    remedy: str
    """How to fix it."""
    severity: Severity = Severity.ERROR
    """Error or warning."""


def find_faults(pin_map: PinMap) -> list[Finding]:
    """Return all errors and warnings of a pin map, by line."""
    findings = [
        *_unknown_names(pin_map),
        *_duplicates(pin_map),
        *_bad_groups(pin_map),
        *_bad_channel_groups(pin_map),
        *_bad_connections(pin_map),
        *_double_connections(pin_map),
        *_unconnected_pins(pin_map),
        *_odd_schema_version(pin_map),
    ]
    return sorted(findings, key=lambda finding: finding.line)


def refuse_unusable(pin_map: PinMap) -> None:
    """Refuse a pin map that has errors. Accept warnings.

    Raises:
        InvalidRequestError: The text has the lines and messages of the first errors.
    """
    errors = [one for one in find_faults(pin_map) if one.severity is Severity.ERROR]
    if errors:
        texts = [f"line {one.line}: {one.message}" for one in errors[:_MOST_SHOWN]]
        more = len(errors) - len(texts)
        rest = f"\n... and {more} more." if more > 0 else ""
        raise InvalidRequestError("The pin map has errors.\n" + "\n".join(texts) + rest)


def _unknown_names(pin_map: PinMap) -> Iterator[Finding]:
    for one in pin_map.unknown:
        if one.attribute:
            problem = f'{one.element} has no attribute "{one.attribute}".'
        elif one.name:
            problem = f'{one.element} "{one.name}" in {one.parent} is unknown.'
        else:
            problem = f"{one.element} in {one.parent} is unknown."
        if one.meant:
            yield Finding(one.line, problem, f'Write "{one.meant}", or remove it.')
        else:
            yield Finding(one.line, problem, "It is ignored.", Severity.WARNING)
    for connection in pin_map.unusable_connections:
        yield Finding(
            connection.line,
            f'Connection of "{connection.leaf}": {why_unusable(pin_map, connection)}.',
            "The rest of the pin map is not affected.",
            Severity.WARNING,
        )


def why_unusable(pin_map: PinMap, connection: Connection) -> str:
    """Return the reason why a connection belongs to no session, without a full stop."""
    names = (connection.instrument, connection.multiplexer, connection.leaf)
    name = next(name for name in names if name in pin_map.unknown_by_name)
    return f'"{name}" is a {pin_map.unknown_by_name[name].element}, which has no session here'


def _duplicates(pin_map: PinMap) -> Iterator[Finding]:
    yield from _repeated("Instrument", [(one.name, one.line) for one in pin_map.instruments])
    yield from _repeated("Multiplexer", [(one.name, one.line) for one in pin_map.multiplexers])
    leaves = [(one.name, one.line) for one in (*pin_map.pins, *pin_map.relays)]
    groups = [(one.name, one.line) for one in (*pin_map.pin_groups, *pin_map.relay_groups)]
    yield from _repeated("Pin, relay or group", leaves + groups)
    yield from _repeated("Site", [(str(site), 0) for site in pin_map.sites])


def _repeated(kind: str, names: Iterable[tuple[str, int]]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for name, line in names:
        if name in first:
            yield Finding(
                line,
                f'{kind} "{name}" is defined twice, first in line {first[name]}.',
                "Rename or remove one of them.",
            )
        first.setdefault(name, line)


def _bad_groups(pin_map: PinMap) -> Iterator[Finding]:
    kinds = (
        ("pin", pin_map.pins, pin_map.pin_groups),
        ("relay", pin_map.relays, pin_map.relay_groups),
    )
    for kind, leaves, groups in kinds:
        known = {one.name for one in leaves} | {one.name for one in groups}
        known |= pin_map.unknown_by_name.keys()
        for group in groups:
            for reference in group.references:
                if reference not in known:
                    yield Finding(
                        group.line,
                        f'Group "{group.name}" refers to "{reference}", which is neither a '
                        f"{kind} nor a {kind} group.",
                        f"Define the {kind}, or remove the reference.",
                    )
            if _contains_itself(pin_map, group.name):
                yield Finding(
                    group.line,
                    f'Group "{group.name}" contains itself.',
                    "Remove the reference that closes the circle.",
                )


def _contains_itself(pin_map: PinMap, name: str) -> bool:
    seen: set[str] = set()
    open_names = list(pin_map.group_by_name[name].references)
    while open_names:
        current = open_names.pop()
        if current == name:
            return True
        if current in pin_map.group_by_name and current not in seen:
            seen.add(current)
            open_names.extend(pin_map.group_by_name[current].references)
    return False


def _bad_channel_groups(pin_map: PinMap) -> Iterator[Finding]:
    for instrument in pin_map.instruments:
        group_of: dict[str, str] = {}
        for group in instrument.channel_groups:
            for channel in group.channels or _all_channels(instrument):
                problem = _channel_problem(instrument, channel)
                if problem:
                    yield Finding(
                        group.line, f'Channel group "{group.name}": {problem}', _channel_remedy()
                    )
                if channel in group_of:
                    yield Finding(
                        group.line,
                        f'Channel {channel} of "{instrument.name}" is in the channel groups '
                        f'"{group_of[channel]}" and "{group.name}".',
                        "Leave it in one of them.",
                    )
                group_of.setdefault(channel, group.name)


def _bad_connections(pin_map: PinMap) -> Iterator[Finding]:
    sites = {SYSTEM_SITE, *pin_map.sites}
    for one in pin_map.connections:
        yield from _bad_leaf(pin_map, one)
        for site in one.sites:
            if site not in sites:
                yield Finding(
                    one.line,
                    f'Connection of "{one.leaf}": site {site} is not defined.',
                    "Define the site, or correct siteNumber.",
                )
        if one.multiplexer and one.multiplexer not in pin_map.multiplexer_by_name:
            yield Finding(
                one.line,
                f'Connection of "{one.leaf}": multiplexer "{one.multiplexer}" is not defined.',
                "Define the multiplexer under Instruments, or correct the name.",
            )
        yield from _bad_instrument(pin_map, one)


def _bad_leaf(pin_map: PinMap, connection: Connection) -> Iterator[Finding]:
    kind = "relay" if connection.is_relay else "pin"
    leaf = (pin_map.relay_by_name if connection.is_relay else pin_map.pin_by_name).get(
        connection.leaf
    )
    if leaf is None:
        yield Finding(
            connection.line,
            f'A connection names the {kind} "{connection.leaf}", which is not defined.',
            f"Define the {kind}, or correct the name.",
        )
    elif leaf.is_system != (connection.sites == (SYSTEM_SITE,)):
        element = "a system connection" if leaf.is_system else "a connection with a siteNumber"
        yield Finding(
            connection.line,
            f'"{leaf.name}" is a {"system" if leaf.is_system else "site"} {kind}, but its '
            f"connection is of the other kind.",
            f"Use {element}.",
        )


def _bad_instrument(pin_map: PinMap, connection: Connection) -> Iterator[Finding]:
    instrument = pin_map.instrument_by_name.get(connection.instrument)
    if instrument is None:
        yield Finding(
            connection.line,
            f'Connection of "{connection.leaf}": instrument "{connection.instrument}" is not '
            "defined.",
            "Define the instrument, or correct the name.",
        )
        return
    is_module = instrument.type_id == RELAY_DRIVER.type_id
    if connection.is_relay != is_module and not (connection.is_relay and instrument.drives_relays):
        yield Finding(
            connection.line,
            f'Connection of "{connection.leaf}": "{instrument.name}" is of type '
            f"{instrument.type_id}.",
            "Connect relays to relay driver modules, and pins to other instruments.",
        )
        return
    problem = _channel_problem(instrument, connection.channel)
    if problem:
        yield Finding(
            connection.line, f'Connection of "{connection.leaf}": {problem}', _channel_remedy()
        )
    elif instrument.type_id == DCPOWER.type_id and not _is_grouped(instrument, connection.channel):
        yield Finding(
            connection.line,
            f'Channel {connection.channel} of "{instrument.name}" is in no channel group.',
            "Add it to a ChannelGroup; the channels without one share a session here.",
            Severity.WARNING,
        )


def _channel_problem(instrument: Instrument, channel: str) -> str:
    """Return the reason why an instrument does not have a channel, "" if it has it."""
    name = f'"{instrument.name}"'
    if instrument.channels:
        if channel in instrument.channels:
            return ""
        return f"{name} has no channel {channel}, only {', '.join(instrument.channels)}."
    count = 1 if instrument.type_id == DMM.type_id else instrument.number_of_channels
    number = re.search(r"\d+$", channel)
    if count is None or (number and int(number[0]) < count):
        return ""
    lines = "control line" if instrument.type_id == RELAY_DRIVER.type_id else "channel"
    return f"{name} has no {lines} {channel}, only 0 to {count - 1}."


def _channel_remedy() -> str:
    return "Correct the channel, or the channels that the instrument declares."


def _all_channels(instrument: Instrument) -> list[str]:
    return [str(channel) for channel in range(instrument.number_of_channels or 0)]


def _is_grouped(instrument: Instrument, channel: str) -> bool:
    return any(
        not group.channels or channel in group.channels for group in instrument.channel_groups
    )


def _double_connections(pin_map: PinMap) -> Iterator[Finding]:
    wired: dict[tuple[str, int, str], Connection] = {}
    users: dict[tuple[str, str], Connection] = {}
    for one in pin_map.connections:
        instrument = pin_map.instrument_by_name.get(one.instrument)
        for site in one.sites:
            key = (one.leaf, site, instrument.type_id if instrument else "")
            if key in wired:
                where = "" if site == SYSTEM_SITE else f" on site {site}"
                yield Finding(
                    one.line,
                    f'"{one.leaf}"{where} is connected to two channels of type {key[2]}, first '
                    f"in line {wired[key].line}.",
                    "Remove one of the connections.",
                )
            wired.setdefault(key, one)
        channel = (one.instrument, one.channel)
        other = users.setdefault(channel, one)
        if other is not one and not (one.multiplexer and other.multiplexer):
            yield Finding(
                one.line,
                f'Channel {one.channel} of "{one.instrument}" is connected to "{other.leaf}" '
                f'in line {other.line} and to "{one.leaf}".',
                'Share a channel between sites with siteNumber="0,1", or add a multiplexer.',
                Severity.WARNING,
            )


def _unconnected_pins(pin_map: PinMap) -> Iterator[Finding]:
    sites_of: dict[str, set[int]] = {}
    for one in (*pin_map.connections, *pin_map.unusable_connections):
        sites_of.setdefault(one.leaf, set()).update(one.sites)
    for leaf in (*pin_map.pins, *pin_map.relays):
        wanted = {SYSTEM_SITE} if leaf.is_system else set(pin_map.sites)
        missing = sorted(wanted - sites_of.get(leaf.name, set()))
        if missing:
            where = "" if leaf.is_system else " on site " + ", ".join(str(site) for site in missing)
            yield Finding(
                leaf.line,
                f'"{leaf.name}" is not connected{where}.',
                "Connect it, or remove it if nothing uses it.",
                Severity.WARNING,
            )


def _odd_schema_version(pin_map: PinMap) -> Iterator[Finding]:
    if pin_map.schema_version not in KNOWN_SCHEMA_VERSIONS:
        yield Finding(
            0,
            f'schemaVersion is "{pin_map.schema_version}".',
            f"Known versions are {', '.join(KNOWN_SCHEMA_VERSIONS)}. Check the result for others.",
            Severity.WARNING,
        )
