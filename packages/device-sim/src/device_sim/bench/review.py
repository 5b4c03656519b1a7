"""Find likely mistakes in a bench file that is valid."""

from __future__ import annotations

from collections import defaultdict

from device_sim.bench.netlist import Netlist
from device_sim.bench.places import at_line


def doubts(netlist: Netlist) -> list[str]:
    """Return a sentence for each likely mistake; none for a bench without one."""
    return [*_dangling_nets(netlist), *_unknown_instruments(netlist)]


def _dangling_nets(netlist: Netlist) -> list[str]:
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for part in netlist.parts.values():
        for net in part.all_nets:
            ends[net].append(f"part {part.name}")
    for channel, connection in netlist.connections.items():
        for net in (connection.hi, connection.lo):
            ends[net].append(f"channel {channel}")
    return [
        f"{at_line(netlist.lines[there[0]])}the net '{net}' is dangling: only {there[0]} is "
        "connected to it. Check its name."
        for net, there in sorted(ends.items())
        if len(there) == 1 and net != netlist.ground
    ]


def _unknown_instruments(netlist: Netlist) -> list[str]:
    devices = {name.lower() for name in netlist.devices}
    wired = {channel.partition("/")[0] for channel in netlist.connections} - devices
    unwired = [
        f"{at_line(netlist.lines[f'instrument {name}'])}the instrument '{name}' has a model, but "
        "no channel is wired. Check its name."
        for name in sorted(netlist.models.keys() - wired)
        if not any(device.startswith(f"{name}mod") for device in wired)  # modules of a chassis
    ]
    known = wired | netlist.models.keys()
    return unwired + [
        f"{at_line(netlist.lines[f'fault {number}'])}a fault names the unknown instrument "
        f"'{fault['device']}'. The instruments are {', '.join(sorted(known)) or 'none'}."
        for number, fault in enumerate(netlist.faults)
        if str(fault.get("device", "")).lower() not in {"", *known}
    ]
