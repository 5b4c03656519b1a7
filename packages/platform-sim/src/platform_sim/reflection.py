"""Serve gRPC reflection, which describes the platform's services to clients without stubs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

SERVICE = "grpc.reflection.v1alpha.ServerReflection"


class ReflectionHandler(grpc.GenericRpcHandler):
    """Describe services. The first request loads gRPC's part, because loading it is slow.

    Args:
        services: Full names of the services. Their stubs must be imported.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._services = services
        self._handler: grpc.RpcMethodHandler[Any, Any] | None = None

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the only method, None for another one."""
        if handler_call_details.method != f"/{SERVICE}/ServerReflectionInfo":
            return None
        if self._handler is None:
            self._handler = _make_handler([*self._services, SERVICE])
        return self._handler


def _make_handler(services: Sequence[str]) -> grpc.RpcMethodHandler[Any, Any]:
    from grpc_reflection.v1alpha import reflection, reflection_pb2

    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(services).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return handler
