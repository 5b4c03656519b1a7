"""Encode channels, nets and faults as messages of `device_sim.v1`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict

from device_sim.faults import FaultInfo
from device_sim.inventory import ChannelInfo
from device_sim.nets import Level
from device_sim.v1 import bench_pb2 as pb

_LEVELS = {
    Level.LOW: pb.LEVEL_LOW,
    Level.HIGH: pb.LEVEL_HIGH,
    Level.BETWEEN: pb.LEVEL_BETWEEN,
}


def encode_channel(info: ChannelInfo) -> pb.Channel:
    """Return a channel."""
    hi, lo = info.nets
    return pb.Channel(
        name=info.name,
        instrument=info.instrument,
        driver=info.driver,
        model=info.model,
        sessions=info.sessions,
        hi=hi,
        lo=lo,
        is_open=info.is_open,
        output_on=info.output_on,
        setpoints=[pb.Quantity(**asdict(each)) for each in info.setpoints],
        volts=info.volts,
        amperes=info.amperes,
        is_limited=info.is_limited,
        problem=info.problem,
    )


def encode_net(
    net: str, volts: float, level: Level, drivers: Iterable[tuple[str, float, float]]
) -> pb.NetReading:
    """Return a net with its drivers: name, volts and ohms of each."""
    return pb.NetReading(
        net=net,
        volts=volts,
        level=_LEVELS[level],
        drivers=[
            pb.NetReading.Driver(name=name, volts=driven, resistance=ohms)
            for name, driven, ohms in drivers
        ],
    )


def encode_fault(info: FaultInfo) -> pb.Fault:
    """Return a fault, as AddFault takes it."""
    fault = pb.Fault(device=info.device, after=info.after)
    if math.isfinite(info.lasting):
        fault.lasting = info.lasting
    kind = getattr(fault, info.kind)
    kind.SetInParent()
    for name, value in info.arguments.items():
        setattr(kind, name, value)
    return fault
