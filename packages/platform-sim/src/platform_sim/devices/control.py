"""Reaching a device server's bench from another process.

The service has no .proto file: requests and answers are `google.protobuf.Struct`, which is JSON;
its description, for reflection, is made here. It listens where the drivers' services do, so that
`platform-sim up` needs no second port.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from platform_sim.devices.errors import BenchError
from platform_sim.devices.instrument import InstrumentSession
from platform_sim.devices.inventory import SessionInfo, describe_sessions
from platform_sim.devices.sessions import SessionTable
from platform_sim.devices.transport import serve

if TYPE_CHECKING:
    from platform_sim.devices.bench import Bench

CONTROL_SERVICE = "platform_sim.devices.Control"

_TEXTS = {"name", "channel", "device", "rpc", "text"}

_INFINITIES = {math.inf: "Infinity", -math.inf: "-Infinity"}

Arguments = dict[str, Any]


class ControlService:
    """Serves `DeviceControl`.

    Args:
        bench: The bench of the server.
        sessions: The sessions of the server.
    """

    def __init__(self, bench: Bench, sessions: SessionTable[InstrumentSession]) -> None:
        self._bench = bench
        self._sessions = sessions
        self._methods: dict[str, Callable[..., Arguments | None]] = {
            "Sessions": self._list_sessions,
            "Parts": lambda: {"parts": self._bench.parts},
            "SetPart": lambda name, values: self._bench.set(name, **values),
            "Disconnect": lambda channel: self._bench.disconnect(channel),
            "Reconnect": lambda channel: self._bench.reconnect(channel),
            "FailCall": self._fail_call,
            "StopAnswering": lambda device: self._bench.faults.stop_answering(device),
            "OverRange": lambda device: self._bench.faults.over_range(device),
            "ClearFaults": lambda device=None: self._bench.faults.clear(device),
        }
        _describe(self._methods)

    def _list_sessions(self) -> Arguments:
        return {"sessions": [asdict(info) for info in describe_sessions(self._sessions)]}

    def _fail_call(self, device: str, rpc: str, nth: float, code: float, text: str) -> None:
        # Numbers in a Struct are real numbers.
        self._bench.faults.fail_call(device, rpc=rpc, nth=int(nth), code=int(code), text=text)

    def generic_handler(self) -> grpc.GenericRpcHandler:
        """The service, to add to a server."""
        return grpc.method_handlers_generic_handler(
            CONTROL_SERVICE, {name: self._handler(method) for name, method in self._methods.items()}
        )

    @staticmethod
    def _handler(method: Callable[..., Arguments | None]) -> grpc.RpcMethodHandler[Any, Any]:
        def call(request: Struct) -> Struct:
            arguments = _from_struct(request)
            _require_texts(arguments)
            try:
                return _to_struct(method(**arguments) or {})
            except (TypeError, ValueError, OverflowError) as error:
                raise BenchError(str(error)) from error

        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: serve(lambda: call(request), context),
            Struct.FromString,
            Struct.SerializeToString,
        )


def _describe(methods: Iterable[str]) -> None:
    """Add the service to protobuf's descriptors; again is harmless."""
    package, _, name = CONTROL_SERVICE.rpartition(".")
    struct = Struct.DESCRIPTOR
    file = FileDescriptorProto(
        name="platform_sim/devices/control.proto",
        package=package,
        syntax="proto3",
        dependency=[struct.file.name],
    )
    service = file.service.add(name=name)
    for method in methods:
        kind = f".{struct.full_name}"
        service.method.add(name=method, input_type=kind, output_type=kind)
    descriptor_pool.Default().Add(file)


def _require_texts(arguments: Arguments) -> None:
    for name in _TEXTS & arguments.keys():
        if not isinstance(arguments[name], str):
            raise BenchError(f"{name} must be text, not {arguments[name]!r}")


class RemoteBench:
    """The bench of a device server in another process; see `Bench` for what its methods do."""

    def __init__(self, call: Callable[..., Arguments]) -> None:
        self._call = call

    @property
    def parts(self) -> dict[str, dict[str, float]]:
        """The values of every part, by its name."""
        parts: dict[str, dict[str, float]] = self._call("Parts").get("parts", {})
        return parts

    def set(self, name: str, **values: float) -> None:
        """Set values of a part, from now on."""
        self._call("SetPart", name=name, values=values)

    def disconnect(self, channel: str) -> None:
        """Open the connection of a channel, as a broken wire would."""
        self._call("Disconnect", channel=channel)

    def reconnect(self, channel: str) -> None:
        """Close a connection that was opened."""
        self._call("Reconnect", channel=channel)


class RemoteFaults:
    """The faults of a device server in another process; see `Faults` for what its methods do."""

    def __init__(self, call: Callable[..., Arguments]) -> None:
        self._call = call

    def fail_call(
        self, device: str, *, rpc: str = "", nth: int = 1, code: int, text: str = ""
    ) -> None:
        """Have the device's driver report an error once."""
        self._call("FailCall", device=device, rpc=rpc, nth=nth, code=code, text=text)

    def stop_answering(self, device: str) -> None:
        """Leave every call to the device without an answer."""
        self._call("StopAnswering", device=device)

    def over_range(self, device: str) -> None:
        """Have every reading of the device overload its range."""
        self._call("OverRange", device=device)

    def clear(self, device: str | None = None) -> None:
        """End the faults of one device, or all."""
        self._call("ClearFaults", **({} if device is None else {"device": device}))


class DeviceControl:
    """A device server that runs in another process; it has a server's bench, faults and sessions.

    Args:
        address: `HOST:PORT` of the device server, as in the platform's state file.

    Calls raise BenchError when the server refuses them, grpc.RpcError when it is not there.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])
        self.bench = RemoteBench(self._call)
        """What the instruments are wired to."""
        self.faults = RemoteFaults(self._call)
        """Faults to ask for."""

    def __enter__(self) -> DeviceControl:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connection."""
        self._channel.close()

    @property
    def sessions(self) -> list[SessionInfo]:
        """The open sessions."""
        rows: list[Arguments] = self._call("Sessions").get("sessions", [])
        return [SessionInfo(**{**row, "channels": tuple(row["channels"])}) for row in rows]

    def _call(self, method: str, **arguments: Any) -> Arguments:
        stub = self._channel.unary_unary(
            f"/{CONTROL_SERVICE}/{method}", Struct.SerializeToString, Struct.FromString
        )
        try:
            answer = stub(_to_struct(arguments), timeout=10.0)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise BenchError(str(error.details())) from None
            raise
        return _from_struct(answer)


def _to_struct(content: Arguments) -> Struct:
    struct = Struct()
    struct.update(_spell_infinities(content))
    return struct


def _from_struct(struct: Struct) -> Arguments:
    content: Arguments = _read_infinities(MessageToDict(struct))
    return content


def _spell_infinities(value: Any) -> Any:
    """JSON has no number for the value of an open part."""
    if isinstance(value, dict):
        return {key: _spell_infinities(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spell_infinities(item) for item in value]
    return _INFINITIES.get(value, value) if isinstance(value, float) else value


def _read_infinities(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_read_infinities(item) for item in value]
    spelled = {text: number for number, text in _INFINITIES.items()}
    return spelled.get(value, value) if isinstance(value, str) else value
