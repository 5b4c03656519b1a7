"""Control the bench of a device server in another process."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

import grpc

from device_sim.errors import BenchError
from device_sim.faults import FaultInfo
from device_sim.inventory import SessionInfo
from device_sim.nets import NetDrive, NetDriver
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc

_REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)

_SECONDS = 10.0
"""Seconds to wait for an answer."""


class RemoteBench:
    """The bench of a device server in another process. `Bench` documents the methods."""

    def __init__(self, stub: bench_pb2_grpc.BenchStub) -> None:
        self._stub = stub

    @property
    def parts(self) -> dict[str, dict[str, float]]:
        """The values of every part, by its name."""
        with _refusals():
            answer = self._stub.ListParts(pb.ListPartsRequest(), timeout=_SECONDS)
        return {part.name: dict(part.values) for part in answer.parts}

    def set(self, name: str, **values: float) -> None:
        """Set values of a part from now on."""
        request = pb.SetPartRequest(name=name, values=values)
        with _refusals():
            self._stub.SetPart(request, timeout=_SECONDS)

    @property
    def nets(self) -> list[str]:
        """The nets of the bench file, without the ground."""
        return list(self.read_nets())

    def read_nets(self, *nets: str) -> dict[str, float]:
        """Return the volts of nets against ground now, by their names."""
        request = pb.ReadNetsRequest(nets=nets)
        with _refusals():
            answer = self._stub.ReadNets(request, timeout=_SECONDS)
        return {each.net: each.volts for each in answer.nets}

    def net_driver(self, name: str) -> NetDriver:
        """Return a driver of nets. The bench releases its nets if this process ends."""
        return _RemoteNetDriver(name, self._stub)

    def picture(self) -> str:
        """Return a picture as SVG of what the bench file wires to what."""
        with _refusals():
            return self._stub.GetPicture(pb.GetPictureRequest(), timeout=_SECONDS).svg

    @property
    def drifts(self) -> dict[str, float]:
        """The parts that drift, each with the relative change of its main value per second."""
        return {each.part: each.rate for each in _list_faults(self._stub).drifts}

    @property
    def open_connections(self) -> list[str]:
        """The channels whose connection is open."""
        return [each.channel for each in _list_faults(self._stub).open_connections]

    def disconnect(self, channel: str) -> None:
        """Open the connection of a channel, as if its wire were broken."""
        request = pb.DisconnectRequest(channel=channel)
        with _refusals():
            self._stub.Disconnect(request, timeout=_SECONDS)

    def reconnect(self, channel: str) -> None:
        """Close a connection that was opened."""
        request = pb.ReconnectRequest(channel=channel)
        with _refusals():
            self._stub.Reconnect(request, timeout=_SECONDS)


class _RemoteNetDriver(NetDriver):
    """Drives nets of a bench in another process, by a stream that lives as long as the driver."""

    def __init__(self, name: str, stub: bench_pb2_grpc.BenchStub) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._requests: queue.SimpleQueue[pb.DriveNetsRequest | None] = queue.SimpleQueue()
        self._answers = stub.DriveNets(iter(self._requests.get, None))

    def change(self, drives: Mapping[str, NetDrive], released: Collection[str] = ()) -> None:
        """Drive some nets and release others."""
        request = pb.DriveNetsRequest(
            driver=self._name,
            drives=[
                pb.NetDrive(net=net, volts=how.volts, resistance=how.resistance)
                for net, how in drives.items()
            ],
            released=released,
        )
        with self._lock, _refusals():
            self._requests.put(request)
            refusal = next(self._answers).refusal
        if refusal:
            raise BenchError(refusal)

    def close(self) -> None:
        """End the stream, and wait until the bench has released the nets."""
        with self._lock:
            self._requests.put(None)
            with suppress(grpc.RpcError):  # The server is gone, and the drives with it.
                for _ in self._answers:
                    pass


class RemoteFaults:
    """The faults of a device server in another process. `Faults` documents the methods."""

    def __init__(self, stub: bench_pb2_grpc.BenchStub) -> None:
        self._stub = stub

    def fail_call(
        self, device: str, *, rpc: str = "", nth: int = 1, code: int, text: str = ""
    ) -> None:
        """Make the device's driver report an error one time."""
        call = pb.FailCall(rpc=rpc, nth=nth, code=code, text=text)
        self._add(pb.Fault(device=device, fail_call=call))

    def stop_answering(self, device: str) -> None:
        """Leave all calls to the device without an answer."""
        self._add(pb.Fault(device=device, stop_answering=pb.StopAnswering()))

    def over_range(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Make all readings of the device overload its range."""
        fault = pb.Fault(device=device, after=after, lasting=lasting, over_range=pb.OverRange())
        self._add(fault)

    def clip_input(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let the inputs of a digitizer clip at a share of their range, from 0 to 1."""
        what = pb.ClipInput(share=share)
        self._add(pb.Fault(device=device, after=after, lasting=lasting, clip_input=what))

    def add_noise(
        self, device: str, volts: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Add noise with a standard deviation in volts to the samples of a digitizer."""
        what = pb.AddNoise(volts=volts)
        self._add(pb.Fault(device=device, after=after, lasting=lasting, add_noise=what))

    def drop_samples(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let a digitizer lose a share of its samples, from 0 to 1; each repeats the one before."""
        what = pb.DropSamples(share=share)
        self._add(pb.Fault(device=device, after=after, lasting=lasting, drop_samples=what))

    def lose_triggers(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Let no trigger come to the device: neither from a signal, nor from software."""
        what = pb.LoseTriggers()
        self._add(pb.Fault(device=device, after=after, lasting=lasting, lose_triggers=what))

    def stick_relay(
        self, device: str, relay: str, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let a relay of a switch stay as it is. The driver does not see this."""
        what = pb.StickRelay(relay=relay)
        self._add(pb.Fault(device=device, after=after, lasting=lasting, stick_relay=what))

    def bounce_relay(
        self,
        device: str,
        relay: str,
        seconds: float,
        *,
        after: float = 0.0,
        lasting: float = math.inf,
    ) -> None:
        """Let a relay of a switch open and close some times for so many seconds when it moves."""
        what = pb.BounceRelay(relay=relay, seconds=seconds)
        self._add(pb.Fault(device=device, after=after, lasting=lasting, bounce_relay=what))

    @property
    def all(self) -> list[FaultInfo]:
        """The faults that are there or will come."""
        return [_decode(fault) for fault in _list_faults(self._stub).faults]

    def clear(self, device: str | None = None) -> None:
        """End the faults of one device, or of all."""
        request = pb.ClearFaultsRequest(device=device)
        with _refusals():
            self._stub.ClearFaults(request, timeout=_SECONDS)

    def _add(self, fault: pb.Fault) -> None:
        with _refusals():
            self._stub.AddFault(pb.AddFaultRequest(fault=fault), timeout=_SECONDS)


class DeviceControl:
    """A device server in another process: its bench, faults and sessions.

    Calls raise BenchError if the server refuses them, grpc.RpcError if it cannot be reached,
    and TypeError or ValueError for arguments that no message can contain.

    Args:
        address: `HOST:PORT` of the device server, as in the state file of `device-sim serve` or
            `platform-sim up`.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])
        self._stub = bench_pb2_grpc.BenchStub(self._channel)
        self.bench = RemoteBench(self._stub)
        """The bench that the instruments are wired to."""
        self.faults = RemoteFaults(self._stub)
        """Faults to inject."""

    def __enter__(self) -> DeviceControl:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    @property
    def sessions(self) -> list[SessionInfo]:
        """The open sessions."""
        with _refusals():
            answer = self._stub.ListSessions(pb.ListSessionsRequest(), timeout=_SECONDS)
        return [
            SessionInfo(one.name, one.driver, one.model, tuple(one.channels))
            for one in answer.sessions
        ]


def _list_faults(stub: bench_pb2_grpc.BenchStub) -> pb.ListFaultsResponse:
    with _refusals():
        return stub.ListFaults(pb.ListFaultsRequest(), timeout=_SECONDS)


def _decode(fault: pb.Fault) -> FaultInfo:
    kind = str(fault.WhichOneof("kind"))
    message = getattr(fault, kind)
    arguments = {each.name: getattr(message, each.name) for each in message.DESCRIPTOR.fields}
    lasting = fault.lasting if fault.HasField("lasting") else math.inf
    return FaultInfo(kind, fault.device, fault.after, lasting, arguments)


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise BenchError if the server refuses a call."""
    try:
        yield
    except grpc.RpcError as error:
        if error.code() in _REFUSALS:
            raise BenchError(str(error.details())) from None
        raise
