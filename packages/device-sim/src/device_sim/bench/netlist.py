"""Read bench files: the parts, and the nets to which the channels are wired.

If a text in a table contains `{site}`, or a value is a list, the table becomes one table for each
site: `{site}` becomes the site's number, and each site gets its item of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device_sim.bench import tables
from device_sim.bench.parts import Connection, Imperfections, Part
from device_sim.bench.places import Places, errors_at
from device_sim.errors import BenchError
from device_sim.toml import read_file

Table = Mapping[str, Any]


@dataclass(slots=True)
class Netlist:
    """The content of a bench file."""

    ground: str = "GND"
    """The net with 0 V."""

    parts: dict[str, Part] = field(default_factory=dict)
    """The parts by name."""

    connections: dict[str, Connection] = field(default_factory=dict)
    """The nets of each channel, by its lower-case qualified name."""

    models: dict[str, str] = field(default_factory=dict)
    """The model of each instrument, by its lower-case name."""

    imperfections: Imperfections = field(default_factory=Imperfections)
    """The deviations of readings."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    """Faults at the start: `kind` and the arguments of the method of that name."""

    lines: dict[str, int | None] = field(default_factory=dict)
    """The lines of `part NAME`, `channel KEY`, `instrument NAME` and `fault NUMBER` in the file."""


def channel_key(channel: str) -> str:
    """Return the form in which channels compare. An instrument alone is its first channel."""
    return channel_name(channel).lower()


def channel_name(channel: str) -> str:
    """Return the full name of a channel. An instrument alone is its first channel."""
    name = "".join(channel.split())
    return name if "/" in name else f"{name}/0"


def load_netlist(path: Path) -> Netlist:
    """Read a bench file.

    Raises:
        BenchError: The file cannot be read, or has an error. The text says what to change.
    """
    content, text = read_file(path)
    return parse_netlist(content, Places(text))


def parse_netlist(content: Table, places: Places | None = None) -> Netlist:
    """Build a netlist from the content of a bench file, whose tables are at some lines.

    Raises:
        BenchError: The content has an error.
    """
    tables.FILE.check("the file", content)
    readings = content.get("readings", {})
    tables.READINGS.check("readings", readings)
    netlist = Netlist(content.get("ground", "GND"), imperfections=Imperfections(**readings))
    places = places or Places()
    for name, instrument in content.get("instruments", {}).items():
        line = places.of_instrument(name)
        with errors_at(line):
            tables.INSTRUMENT.check(f"instruments.{name}", instrument)
        netlist.models[name.lower()] = str(instrument["model"])
        netlist.lines[f"instrument {name.lower()}"] = line
    sites = content.get("sites", [0])
    for kind, add in (("connect", _add_connection), ("part", _add_part), ("fault", _add_fault)):
        rows = content.get(kind, ())
        for number, row in enumerate(rows):
            line = places.of_table(kind, number, len(rows))
            with errors_at(line):
                for table in _per_site(row, sites):
                    add(netlist, table, line)
    return netlist


def _per_site(table: Table, sites: list[int]) -> Iterator[Table]:
    if not any(isinstance(v, list) or "{site}" in str(v) for v in table.values()):
        yield table
        return
    for place, site in enumerate(sites):
        yield {key: _for_site(key, value, place, site, sites) for key, value in table.items()}


def _for_site(key: str, value: Any, place: int, site: int, sites: list[int]) -> Any:
    if isinstance(value, list):
        if len(value) != len(sites):
            raise BenchError(
                f"{key} lists {len(value)} values for {len(sites)} sites. "
                "List one value for each site."
            )
        value = value[place]
    return value.replace("{site}", str(site)) if isinstance(value, str) else value


def _add_connection(netlist: Netlist, table: Table, line: int | None) -> None:
    tables.CONNECT.check("connect", table)
    key = channel_key(table["channel"])
    if key in netlist.connections:
        raise BenchError(
            f"Channel {table['channel']} is connected twice. Remove one of the connections."
        )
    name, lo = channel_name(table["channel"]), table.get("lo", netlist.ground)
    netlist.connections[key] = Connection(table["hi"], lo, name, len(netlist.connections))
    netlist.lines[f"channel {key}"] = line


def _add_part(netlist: Netlist, table: Table, line: int | None) -> None:
    tables.PART.check("part", table)
    name = table["name"]
    if name in netlist.parts:
        raise BenchError(
            f"Part {name} is defined twice. For several sites, write '{name}{{site}}'."
        )
    values = {k: v for k, v in table.items() if k not in tables.PART.required}
    netlist.parts[name] = Part(name, table["kind"], (table["a"], table["b"]), values)
    netlist.lines[f"part {name}"] = line


def _add_fault(netlist: Netlist, table: Table, line: int | None) -> None:
    tables.FAULT.check("fault", table)
    kind = table["kind"]
    if kind not in tables.FAULTS:
        raise BenchError(
            f"The kind of fault '{kind}' is unknown. The kinds are {', '.join(tables.FAULTS)}."
        )
    arguments = {key: value for key, value in table.items() if key != "kind"}
    tables.FAULTS[kind].check(f"fault {kind}", arguments)
    netlist.lines[f"fault {len(netlist.faults)}"] = line
    netlist.faults.append({"kind": kind, **arguments})
