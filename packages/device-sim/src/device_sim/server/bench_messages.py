"""Encode channels, nets and faults as messages of `device_sim.v1`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from device_sim.faults import Drifting, FaultInfo, Opening
from device_sim.inventory import ChannelInfo
from device_sim.nets import Level
from device_sim.v1 import bench_pb2 as pb

if TYPE_CHECKING:
    from device_sim.bench.parts import Part

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


def encode_part(part: Part, is_closed: bool | None) -> pb.Part:
    """Return a part, and whether its contact is closed."""
    (a, b), (coil, coil_lo) = part.nets, part.coil or ("", "")
    return pb.Part(
        name=part.name,
        values=part.values,
        kind=part.kind,
        a=a,
        b=b,
        coil=coil,
        coil_lo=coil_lo,
        is_closed=is_closed,
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


def lasting(message: pb.Fault | pb.DisconnectRequest | pb.Drift) -> float:
    """Return the seconds that a fault lasts; infinity if it has no end."""
    return message.lasting if message.HasField("lasting") else math.inf


def encode_opening(info: Opening) -> pb.OpenConnection:
    """Return an open connection."""
    return pb.OpenConnection(channel=info.channel, after=info.after, lasting=_finite(info.lasting))


def encode_drift(info: Drifting) -> pb.Drift:
    """Return a part that drifts."""
    return pb.Drift(part=info.part, rate=info.rate, after=info.after, lasting=_finite(info.lasting))


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None


def encode_fault(info: FaultInfo) -> pb.Fault:
    """Return a fault, as AddFault takes it."""
    fault = pb.Fault(device=info.device, after=info.after, lasting=_finite(info.lasting))
    kind = getattr(fault, info.kind)
    kind.SetInParent()
    for name, value in info.arguments.items():
        setattr(kind, name, value)
    return fault
