"""A server with the reference's calls only, and with its answers.

The reference's own server cannot be part of this project. Its answers are those that were observed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from device_comm import device_comm_service_pb2 as pb
from device_comm import device_comm_service_pb2_grpc as stubs


class PlainServicer(stubs.DeviceCommunicationServicer):
    """Keeps sessions by resource; it ends none by itself."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        """Names by resource."""
        self.registers: dict[str, int] = {"CONFIG_0": 12}

    def Initialize(
        self, request: pb.InitializeRequest, context: grpc.ServicerContext
    ) -> pb.InitializeResponse:
        if not request.register_map_path.endswith(".csv"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid register map file format.")
        there = request.resource_name in self.sessions
        behavior = request.initialization_behavior
        if behavior == pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW and there:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "The session already exists.")
        if behavior == pb.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING and not there:
            context.abort(grpc.StatusCode.NOT_FOUND, "The session does not exist.")
        name = self.sessions.setdefault(request.resource_name, str(uuid.uuid4()))
        return pb.InitializeResponse(session_name=name, new_session=not there)

    def WriteRegister(
        self, request: pb.WriteRegisterRequest, context: grpc.ServicerContext
    ) -> pb.StatusResponse:
        self._check(request.session_name, context)
        self.registers[request.register_name] = request.value
        return pb.StatusResponse()

    def ReadRegister(
        self, request: pb.ReadRegisterRequest, context: grpc.ServicerContext
    ) -> pb.ReadRegisterResponse:
        self._check(request.session_name, context)
        if request.register_name not in self.registers:
            context.abort(grpc.StatusCode.INTERNAL, "Error reading register: ")
        return pb.ReadRegisterResponse(value=self.registers[request.register_name])

    def Close(self, request: pb.CloseRequest, context: grpc.ServicerContext) -> pb.StatusResponse:
        self._check(request.session_name, context)
        self.sessions = {
            key: name for key, name in self.sessions.items() if name != request.session_name
        }
        return pb.StatusResponse()

    def _check(self, name: str, context: grpc.ServicerContext) -> None:
        if name not in self.sessions.values():
            context.abort(grpc.StatusCode.NOT_FOUND, f"No active session for '{name}'")


@contextmanager
def plain_server() -> Iterator[tuple[PlainServicer, str]]:
    """Run the server; yield it with its target."""
    servicer = PlainServicer()
    server = grpc.server(ThreadPoolExecutor(4))
    stubs.add_DeviceCommunicationServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield servicer, f"ipv4:127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
