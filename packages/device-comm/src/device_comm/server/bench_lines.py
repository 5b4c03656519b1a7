"""GPIO lines that are nets of a simulated bench, in another process.

The bench describes its calls by gRPC reflection, so that this package needs no package of the
simulation. The end of the stream by which a device drives its nets releases them, whatever ends it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from session_sharing.server import InvalidArgumentError, ResourceFailedError, ResourceLostError

from device_comm.names import LINES_OF_A_PORT, PORTS
from device_comm.server.lines import MemoryLines

_SERVICE = "device_sim.v1.Bench"
_HIGH_VOLTS = 3.3
_TIMEOUT = 10.0
"""Seconds in which the bench must answer."""


@dataclass(frozen=True)
class BenchAddress:
    """Where the server of a bench listens, without TLS."""

    host_and_port: str
    """Such as ``127.0.0.1:31763``."""

    @classmethod
    def parse(cls, text: str) -> BenchAddress | None:
        """Read the value of an option: ``memory``, or ``bench:HOST:PORT``.

        Returns:
            None for lines in memory.

        Raises:
            InvalidArgumentError: The text is neither.
        """
        kind, _, address = text.partition(":")
        host, _, port = address.rpartition(":")
        if text == "memory":
            return None
        if kind != "bench" or not host or not port.isdigit():
            raise InvalidArgumentError(
                f"--gpio {text} is not supported. Write memory, or bench:HOST:PORT."
            )
        return cls(address)

    def lines_of(self, device: str) -> BenchLines:
        """Return the lines of a device on this bench.

        Raises:
            ResourceFailedError: There is no bench at this address.
        """
        return BenchLines(self._bench, device)

    @cached_property
    def _bench(self) -> _Bench:
        return _Bench(self.host_and_port)


def net_of(device: str, port: int, line: int) -> str:
    """Return the net of the bench that a line is, such as ``Dut/port0/line3``."""
    return f"{device}/port{port}/line{line}"


class BenchLines:
    """The lines of one device. A line without a net of its name is in memory.

    A line is an input until it is written; then the device drives it until the session ends.
    """

    def __init__(self, bench: _Bench, device: str) -> None:
        """Look for the nets; no net is driven yet.

        Args:
            bench: The bench.
            device: Name of the device.

        Raises:
            ResourceFailedError: The bench does not answer.
        """
        self._bench = bench
        self._device = device
        self._memory = MemoryLines()
        nets = set(bench.nets())
        self._nets = [
            {
                line: net
                for line in range(LINES_OF_A_PORT)
                if (net := net_of(device, port, line)) in nets
            }
            for port in range(PORTS)
        ]
        self._stream: _DriveStream | None = None

    def write(self, port: int, mask: int, state: int) -> None:
        """See `Lines.write`."""
        levels = {
            net: bool(state >> line & 1)
            for line, net in self._nets[port].items()
            if mask >> line & 1
        }
        if levels:
            if self._stream is None:
                self._stream = self._bench.drive(self._device)
            self._stream.set(levels)
        self._memory.write(port, mask, state)

    def read(self, port: int) -> int:
        """See `Lines.read`. The level of a net is what the circuit makes of it."""
        found = self._memory.read(port)
        nets = self._nets[port]
        if nets:
            for line, is_high in zip(nets, self._bench.levels(list(nets.values())), strict=True):
                found = found & ~(1 << line) | is_high << line
        return found

    def release(self) -> None:
        """See `Lines.release`."""
        if self._stream is not None:
            self._stream.end()


class _Bench:
    """Calls of one bench, whose messages its reflection describes."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])

    def nets(self) -> list[str]:
        """Return the names of all nets."""
        try:
            return [reading.net for reading in self._read([]).nets]
        except (grpc.RpcError, KeyError) as error:
            raise ResourceFailedError(
                f"No bench of simulated instruments answers at {self._address} ({_text(error)}). "
                "Start one, such as `device-sim serve --bench FILE`, or correct --gpio."
            ) from error

    def levels(self, nets: list[str]) -> list[bool]:
        """Return which of these nets are high."""
        try:
            readings = self._read(nets).nets
        except grpc.RpcError as error:
            raise self.lost(error) from error
        high = self._service.file.enum_types_by_name["Level"].values_by_name["LEVEL_HIGH"].number
        return [reading.level == high for reading in readings]

    def drive(self, device: str) -> _DriveStream:
        """Open a stream that drives nets for a device."""
        return _DriveStream(self, device)

    def lost(self, error: BaseException) -> ResourceLostError:
        """Return the error for a bench that has gone with its levels."""
        return ResourceLostError(
            f"The bench at {self._address} does not answer ({_text(error)}), so its levels are "
            "lost. Start it, and open the session again."
        )

    def stream(self, requests: Iterator[Message]) -> Any:
        """Call DriveNets; the answers arrive in the order of the requests."""
        method = self._service.methods_by_name["DriveNets"]
        call: Any = self._channel.stream_stream(
            f"/{_SERVICE}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_class_of(method.output_type).FromString,
        )
        return call(requests)

    def request(self, method: str, **fields: Any) -> Any:
        """Return the request message of a method."""
        return _class_of(self._service.methods_by_name[method].input_type)(**fields)

    @cached_property
    def _service(self) -> ServiceDescriptor:
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(self._channel))
        return pool.FindServiceByName(_SERVICE)

    def _read(self, nets: list[str]) -> Any:
        method = self._service.methods_by_name["ReadNets"]
        call: Any = self._channel.unary_unary(
            f"/{_SERVICE}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=_class_of(method.output_type).FromString,
        )
        return call(self.request(method.name, nets=nets), timeout=_TIMEOUT)


class _DriveStream:
    """A stream that holds the levels of nets until it ends."""

    def __init__(self, bench: _Bench, device: str) -> None:
        self._bench = bench
        self._device = device
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers = bench.stream(iter(self._requests.get, None))

    def set(self, levels: dict[str, bool]) -> None:
        """Drive nets, and wait until the bench has done it.

        Raises:
            ResourceLostError: The bench does not answer.
            ResourceFailedError: The bench refuses.
        """
        drives = [
            {"net": net, "volts": _HIGH_VOLTS if is_high else 0.0}
            for net, is_high in levels.items()
        ]
        self._requests.put(self._bench.request("DriveNets", driver=self._device, drives=drives))
        patience = threading.Timer(_TIMEOUT, self._answers.cancel)
        patience.start()
        try:
            refusal = next(self._answers).refusal
        except (grpc.RpcError, StopIteration) as error:
            raise self._bench.lost(error) from error
        finally:
            patience.cancel()
        if refusal:
            raise ResourceFailedError(f"The bench refused to drive {', '.join(levels)}: {refusal}")

    def end(self) -> None:
        """End the stream, which releases the nets."""
        self._requests.put(None)
        self._answers.cancel()


def _class_of(message: Any) -> Any:
    return message_factory.GetMessageClass(message)


def _text(error: BaseException) -> str:
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error) or type(error).__name__
