"""Read bench files: the parts, and the nets to which the channels are wired.

If a text in a table contains `{site}`, or a value is a list, the table becomes one table for each
site: `{site}` becomes the site's number, and each site gets its item of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device_sim.bench import tables
from device_sim.bench.parts import Connection, Imperfections, Part
from device_sim.bench.places import Places, errors_at
from device_sim.errors import BenchError
from device_sim.toml import read_file

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """A device under test, as the bench file describes it."""

    device_class: str
    """Its class, as `module:Class`."""

    pins: Mapping[str, str]
    """The net of each pin."""

    electrical: Mapping[str, float]
    """Its voltages and its resistance, where the file gives them."""

    options: Mapping[str, Any]
    """The arguments of the class."""


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

    names: dict[str, str] = field(default_factory=dict)
    """The names of these instruments as the file spells them, by their lower-case names."""

    imperfections: Imperfections = field(default_factory=Imperfections)
    """The deviations of readings."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    """Faults at the start: `kind` and the arguments of the method of that name."""

    devices: dict[str, DeviceTable] = field(default_factory=dict)
    """The devices under test, by their names. Their pins are channels, such as `U1/miso`."""

    folder: Path | None = None
    """The folder of the file, where classes of devices are looked for."""

    lines: dict[str, int | None] = field(default_factory=dict)
    """The lines of `part NAME`, `device NAME`, `channel KEY`, `instrument NAME` and `fault NUMBER`
    in the file."""


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
    netlist = parse_netlist(content, Places(text))
    netlist.folder = path.parent
    return netlist


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
        netlist.names[name.lower()] = name
        netlist.lines[f"instrument {name.lower()}"] = line
    sites = content.get("sites", [0])
    for kind, add in _ADDING.items():
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
    return _named(value, site)


def _named(value: Any, site: int) -> Any:
    """Return a value in which `{site}` is the number of a site."""
    if isinstance(value, dict):
        return {key: _named(each, site) for key, each in value.items()}
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
    coil = None
    if table["kind"] == "relay":
        tables.RELAY.check(f"relay {name}", values)
        coil = (values.pop("coil"), values.pop("coil_lo", netlist.ground))
    nets = (table["a"], table["b"])
    netlist.parts[name] = Part(name, table["kind"], nets, values, coil=coil)
    netlist.lines[f"part {name}"] = line


def _add_device(netlist: Netlist, table: Table, line: int | None) -> None:
    tables.DEVICE.check("device", table)
    name = table["name"]
    if name in netlist.devices:
        raise BenchError(
            f"Device {name} is defined twice. For several sites, write '{name}{{site}}'."
        )
    for pin, net in table["pins"].items():
        pin_table = {"channel": f"{name}/{pin}", "hi": net}
        _add_connection(netlist, pin_table, line)
    electrical = {key: float(table[key]) for key in ("low", "high", "resistance") if key in table}
    if electrical.get("low", 0.0) == electrical.get("high", 3.3):
        raise BenchError(f"Device {name}: low and high must differ.")
    options = table.get("options", {})
    netlist.devices[name] = DeviceTable(table["class"], table["pins"], electrical, options)
    netlist.lines[f"device {name}"] = line


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


_ADDING: Mapping[str, Callable[[Netlist, Table, int | None], None]] = {
    "connect": _add_connection,
    "part": _add_part,
    "device": _add_device,
    "fault": _add_fault,
}
