"""The gRPC service `device_sim.v1.Bench`: decode requests, call the bench, encode answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import grpc

from device_sim.base.overview import OpenSession
from device_sim.base.sessions import SessionTable
from device_sim.errors import BenchError, CallError
from device_sim.inventory import describe_channels, describe_sessions
from device_sim.nets import HIGH_FROM, LOW_TO, OUTPUT_RESISTANCE, NetDrive, NetDriver, level_of
from device_sim.server.bench_messages import (
    encode_channel,
    encode_drift,
    encode_fault,
    encode_net,
    encode_opening,
    encode_part,
    lasting,
)
from device_sim.server.transport import serve
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc

if TYPE_CHECKING:
    from device_sim.bench import Bench

_KINDS: Mapping[str, Mapping[str, float | str]] = {
    "fail_call": {"code": 0},
    "stop_answering": {},
    "over_range": {},
    "clip_input": {"share": 0.0},
    "add_noise": {"volts": 0.0},
    "drop_samples": {"share": 0.0},
    "lose_triggers": {},
    "stick_relay": {"relay": ""},
    "bounce_relay": {"relay": "", "seconds": 0.0},
}
"""The values of fields that a message of a fault does not have, by its kind."""


class BenchServicer(bench_pb2_grpc.BenchServicer):
    """Serves the bench, the faults and the sessions of a server.

    Args:
        load_bench: Return the bench.
        sessions: The sessions.
    """

    def __init__(
        self, load_bench: Callable[[], Bench], sessions: SessionTable[OpenSession]
    ) -> None:
        self._load_bench = load_bench
        self._sessions = sessions

    @property
    def _bench(self) -> Bench:
        return self._load_bench()

    def ListSessions(  # noqa: N802
        self, request: pb.ListSessionsRequest, context: grpc.ServicerContext
    ) -> pb.ListSessionsResponse:
        """List the open driver sessions."""
        sessions = describe_sessions(self._sessions)
        return pb.ListSessionsResponse(sessions=[pb.Session(**asdict(one)) for one in sessions])

    def ListChannels(  # noqa: N802
        self, request: pb.ListChannelsRequest, context: grpc.ServicerContext
    ) -> pb.ListChannelsResponse:
        """List the channels that are wired, and those of the open sessions."""
        found = describe_channels(self._sessions, self._bench)
        return pb.ListChannelsResponse(channels=map(encode_channel, found))

    def GetPicture(  # noqa: N802
        self, request: pb.GetPictureRequest, context: grpc.ServicerContext
    ) -> pb.GetPictureResponse:
        """Return a picture of what is wired to what."""
        return pb.GetPictureResponse(svg=serve(self._picture, context))

    def ListParts(  # noqa: N802
        self, request: pb.ListPartsRequest, context: grpc.ServicerContext
    ) -> pb.ListPartsResponse:
        """List the parts with their values."""
        return pb.ListPartsResponse(
            parts=[encode_part(part, is_closed) for part, is_closed in self._bench.list_parts()]
        )

    def SetPart(  # noqa: N802
        self, request: pb.SetPartRequest, context: grpc.ServicerContext
    ) -> pb.SetPartResponse:
        """Set values of a part."""
        _call(lambda: self._bench.set(request.name, **dict(request.values)), context)
        return pb.SetPartResponse()

    def DriftPart(  # noqa: N802
        self, request: pb.DriftPartRequest, context: grpc.ServicerContext
    ) -> pb.DriftPartResponse:
        """Let a part drift."""
        drift = request.drift
        times = {"after": drift.after, "lasting": lasting(drift)}
        _call(lambda: self._bench.drift(drift.part, drift.rate, **times), context)
        return pb.DriftPartResponse()

    def Disconnect(  # noqa: N802
        self, request: pb.DisconnectRequest, context: grpc.ServicerContext
    ) -> pb.DisconnectResponse:
        """Open the connection of a channel."""
        times = {"after": request.after, "lasting": lasting(request)}
        _call(lambda: self._bench.disconnect(request.channel, **times), context)
        return pb.DisconnectResponse()

    def Reconnect(  # noqa: N802
        self, request: pb.ReconnectRequest, context: grpc.ServicerContext
    ) -> pb.ReconnectResponse:
        """Close a connection that was opened."""
        _call(lambda: self._bench.reconnect(request.channel), context)
        return pb.ReconnectResponse()

    def DriveNets(  # noqa: N802
        self, request_iterator: Iterator[pb.DriveNetsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.DriveNetsResponse]:
        """Drive nets until the stream ends, however it ends."""
        first = next(request_iterator, None)
        if first is None:
            return
        with self._bench.net_driver(first.driver) as driver:
            yield _change(driver, first)
            for request in request_iterator:
                yield _change(driver, request)

    def ReadNets(  # noqa: N802
        self, request: pb.ReadNetsRequest, context: grpc.ServicerContext
    ) -> pb.ReadNetsResponse:
        """Read the voltages and levels of nets."""
        high_from = request.high_from if request.HasField("high_from") else HIGH_FROM
        low_to = request.low_to if request.HasField("low_to") else LOW_TO
        bench = self._bench
        with bench.timeline.lock:
            volts = serve(lambda: bench.read_nets(*request.nets), context)
            nets = [
                encode_net(net, value, level_of(value, high_from, low_to), bench.drives_of(net))
                for net, value in volts.items()
            ]
        return pb.ReadNetsResponse(nets=nets)

    def ListFaults(  # noqa: N802
        self, request: pb.ListFaultsRequest, context: grpc.ServicerContext
    ) -> pb.ListFaultsResponse:
        """List the faults."""
        bench = self._bench
        return pb.ListFaultsResponse(
            faults=map(encode_fault, bench.faults.all),
            open_connections=map(encode_opening, bench.open_connections),
            drifts=map(encode_drift, bench.drifts),
        )

    def AddFault(  # noqa: N802
        self, request: pb.AddFaultRequest, context: grpc.ServicerContext
    ) -> pb.AddFaultResponse:
        """Add a fault to a device."""
        _call(lambda: self._add_fault(request.fault), context)
        return pb.AddFaultResponse()

    def ClearFaults(  # noqa: N802
        self, request: pb.ClearFaultsRequest, context: grpc.ServicerContext
    ) -> pb.ClearFaultsResponse:
        """End the faults of one device, or of all."""
        self._bench.faults.clear(request.device if request.HasField("device") else None)
        return pb.ClearFaultsResponse()

    def _picture(self) -> str:
        try:
            return self._bench.picture()
        except BenchError as error:
            raise CallError(grpc.StatusCode.FAILED_PRECONDITION, str(error)) from error

    def _add_fault(self, fault: pb.Fault) -> None:
        if not fault.device:
            raise BenchError("The fault names no device. Set the field device.")
        faults = self._bench.faults
        kind = str(fault.WhichOneof("kind") or "")
        if kind not in _KINDS:
            raise BenchError("The fault has no kind, or a kind that this server does not know.")
        values = {each.name: value for each, value in getattr(fault, kind).ListFields()}
        given = {**_KINDS[kind], **values}
        if given.get("relay") == "":
            raise BenchError("The fault names no relay. Set the field relay.")
        add = getattr(faults, kind)
        add(fault.device, **given, after=fault.after, lasting=lasting(fault))


def _change(driver: NetDriver, request: pb.DriveNetsRequest) -> pb.DriveNetsResponse:
    """Carry a request of DriveNets out, all of it or nothing."""
    drives = {
        drive.net: NetDrive(
            drive.volts, drive.resistance if drive.HasField("resistance") else OUTPUT_RESISTANCE
        )
        for drive in request.drives
    }
    try:
        driver.change(drives, request.released)
    except BenchError as error:
        return pb.DriveNetsResponse(refusal=str(error))
    return pb.DriveNetsResponse()


def _call(action: Callable[[], object], context: grpc.ServicerContext) -> None:
    """Run `action`. Invalid values end the call with INVALID_ARGUMENT."""

    def run() -> None:
        try:
            action()
        except (TypeError, ValueError, OverflowError) as error:
            raise BenchError(str(error)) from error

    serve(run, context)
