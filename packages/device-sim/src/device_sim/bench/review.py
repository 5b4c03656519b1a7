"""Find likely mistakes in a bench file that is valid."""

from __future__ import annotations

from collections import defaultdict

from device_sim.bench.netlist import Netlist


def doubts(netlist: Netlist) -> list[str]:
    """Return a sentence for each likely mistake; none for a bench without one."""
    return [*_dangling_nets(netlist), *_unknown_instruments(netlist)]


def _dangling_nets(netlist: Netlist) -> list[str]:
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for part in netlist.parts.values():
        for net in part.nets:
            ends[net].append(f"part {part.name}")
    for channel, connection in netlist.connections.items():
        for net in (connection.hi, connection.lo):
            ends[net].append(f"channel {channel}")
    return [
        f"The net '{net}' is dangling: only {there[0]} is connected to it. Check its name."
        for net, there in sorted(ends.items())
        if len(there) == 1 and net != netlist.ground
    ]


def _unknown_instruments(netlist: Netlist) -> list[str]:
    wired = {channel.partition("/")[0] for channel in netlist.connections}
    unwired = [
        f"The instrument '{name}' has a model, but no channel is wired. Check its name."
        for name in sorted(netlist.models.keys() - wired)
    ]
    known = wired | netlist.models.keys()
    named = {str(fault["device"]) for fault in netlist.faults if "device" in fault}
    return unwired + [
        f"A fault names the unknown instrument '{name}'. The instruments are "
        f"{', '.join(sorted(known)) or 'none'}."
        for name in sorted(named)
        if name.lower() not in known
    ]
