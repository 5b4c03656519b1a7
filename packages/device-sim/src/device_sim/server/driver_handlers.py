"""Serve one driver's calls. The driver is imported at its first call, in that call's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import grpc

from device_sim.base.folder import DriverFolder
from device_sim.base.instrument import Surroundings
from device_sim.base.overview import OpenSession
from device_sim.base.sessions import SessionTable
from device_sim.server.loading import giving_way
from device_sim.server.transport import method_handlers

Handlers: TypeAlias = "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"


class DriverHandler(grpc.GenericRpcHandler):
    """Pass the calls of one driver to it.

    gRPC asks for the handler of each call in the thread that takes all calls. NI's packages take up
    to seconds to import. So until the driver is loaded, calls get handlers that load it in the
    thread of the call.

    Args:
        folder: The driver's data.
        surroundings: Return the clock, the bench and the files of the server. The first time, this
            may take long, too.
        sessions: The sessions of all drivers.
    """

    def __init__(
        self,
        folder: DriverFolder,
        surroundings: Callable[[], Surroundings],
        sessions: SessionTable[OpenSession],
    ) -> None:
        self._folder = folder
        self._surroundings = surroundings
        self._sessions = sessions
        self._loading = threading.Lock()
        self._loaded: Handlers | None = None

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of a method, None if it is not one of this driver."""
        _, interface, rpc = f"{handler_call_details.method}//".split("/")[:3]
        if interface != self._folder.interface:
            return None
        if self._loaded is not None:
            return self._loaded.get(rpc)
        if rpc in self._folder.streams:
            return grpc.unary_stream_rpc_method_handler(partial(self._stream, rpc))
        return grpc.unary_unary_rpc_method_handler(partial(self._answer, rpc))

    def _answer(self, rpc: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        handler = self._find(rpc, context)
        answer: bytes = handler.response_serializer(handler.unary_unary(request, context))
        return answer

    def _stream(self, rpc: str, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        handler = self._find(rpc, context)
        for answer in handler.unary_stream(request, context):
            yield handler.response_serializer(answer)

    def _find(self, rpc: str, context: grpc.ServicerContext) -> Any:
        """Return the handler of a call, or end the call as gRPC ends one without a handler."""
        handler = self._load().get(rpc)
        if handler is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        return handler

    def _load(self) -> Handlers:
        with self._loading, giving_way():
            if self._loaded is None:
                from device_sim.base.serving import load_driver

                around = self._surroundings()
                driver = load_driver(self._folder)
                calls = driver.serve_in(self._sessions, around, around.bench.faults)
                self._loaded = method_handlers(calls)
            return self._loaded
