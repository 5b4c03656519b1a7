"""What in a bench file is possible and yet looks like a mistake."""

from __future__ import annotations

from collections import defaultdict

from device_sim.bench.netlist import Netlist


def doubts(netlist: Netlist) -> list[str]:
    """Say what looks like a mistake, one sentence each; nothing for a bench without doubts."""
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
        f"net '{net}' is dangling: nothing but {there[0]} is connected to it"
        for net, there in sorted(ends.items())
        if len(there) == 1 and net != netlist.ground
    ]


def _unknown_instruments(netlist: Netlist) -> list[str]:
    wired = {channel.partition("/")[0] for channel in netlist.connections}
    unwired = [
        f"instrument '{name}' has a model and is wired to nothing"
        for name in sorted(netlist.models.keys() - wired)
    ]
    known = wired | netlist.models.keys()
    named = {str(fault["device"]) for fault in netlist.faults if "device" in fault}
    return unwired + [
        f"a fault is of the instrument '{name}', which is unknown; there are "
        f"{', '.join(sorted(known)) or 'none'}"
        for name in sorted(named)
        if name.lower() not in known
    ]
