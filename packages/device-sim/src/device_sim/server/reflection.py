"""Serve gRPC reflection. With it, tools without NI's packages find and describe the services.

The services are listed without their descriptors. A descriptor is loaded when a client asks for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import grpc

from device_sim.base.folder import DriverFolder

SHARED_SERVICES = ("nidevice_grpc.SessionUtilities", "device_sim.v1.Bench")
"""The services that every device server has in addition to those of its drivers."""

SERVICE = "grpc.reflection.v1alpha.ServerReflection"


class ReflectionHandler(grpc.GenericRpcHandler):
    """Describe the services of a server.

    Args:
        folders: The drivers.
    """

    def __init__(self, folders: Sequence[DriverFolder]) -> None:
        self._folders = folders
        self._handler: grpc.RpcMethodHandler[Any, Any] | None = None

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the only method, None for another one."""
        if handler_call_details.method != f"/{SERVICE}/ServerReflectionInfo":
            return None
        if self._handler is None:
            self._handler = _make_handler(self._folders)
        return self._handler


def _make_handler(folders: Sequence[DriverFolder]) -> grpc.RpcMethodHandler[Any, Any]:
    from grpc_reflection.v1alpha import reflection, reflection_pb2  # only tools need it

    names = [*(folder.interface for folder in folders), *SHARED_SERVICES, SERVICE]
    servicer = reflection.ReflectionServicer(names, _LoadingPool(folders))
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return handler


class _LoadingPool:
    """The pool of all descriptors. It imports a driver's messages before it looks for them.

    Args:
        folders: The drivers.
    """

    def __init__(self, folders: Sequence[DriverFolder]) -> None:
        from google.protobuf import descriptor_pool

        self._folders = folders
        self._pool: Any = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> Any:  # noqa: N802
        """Return the file that defines a symbol."""
        self._load_package(symbol)
        return self._pool.FindFileContainingSymbol(symbol)

    def FindMessageTypeByName(self, name: str) -> Any:  # noqa: N802
        """Return the descriptor of a message."""
        self._load_package(name)
        return self._pool.FindMessageTypeByName(name)

    def FindFileByName(self, name: str) -> Any:  # noqa: N802
        """Return a file."""
        for folder in self._folders:
            if folder.protobuf.rpartition(".")[2] == f"{name.removesuffix('.proto')}_pb2":
                importlib.import_module(folder.protobuf)
        return self._pool.FindFileByName(name)

    def FindExtensionByNumber(self, message: Any, number: int) -> Any:  # noqa: N802
        """Return an extension of a message."""
        return self._pool.FindExtensionByNumber(message, number)

    def FindAllExtensions(self, message: Any) -> Any:  # noqa: N802
        """Return all extensions of a message."""
        return self._pool.FindAllExtensions(message)

    def _load_package(self, symbol: str) -> None:
        for folder in self._folders:
            if symbol.startswith(f"{folder.interface.rpartition('.')[0]}."):
                importlib.import_module(folder.protobuf)
