"""gRPC's reflection: describes the platform's services to clients that have no stubs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

SERVICE = "grpc.reflection.v1alpha.ServerReflection"


class ReflectionHandler(grpc.GenericRpcHandler):
    """Describes services; loads gRPC's part of it at the first question, as it loads slowly.

    Args:
        services: Full names of the services, whose stubs must have been imported.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._services = services
        self._handler: grpc.RpcMethodHandler[Any, Any] | None = None

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return what answers the one method, or None for another one."""
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
