"""Serve health and reflection, with streams that end when the server drains.

grpcio's own servicers leave such streams open, so that a stopping server waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc
from grpc_reflection.v1alpha.reflection import aio as reflection_aio

from session_sharing.core.errors import ResourceNotFoundError
from session_sharing.server.interceptor import Context
from session_sharing.server.signals import until

_Status = health_pb2.HealthCheckResponse

HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it has no types
    """Answers SERVING for every service of a host until the host drains."""

    def __init__(self, services: Iterable[str], draining: asyncio.Event) -> None:
        self._services = {"", *services}
        self._draining = draining

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """See grpc.health.v1."""
        if request.service not in self._services:
            raise ResourceNotFoundError(f"This server has no service {request.service!r}.")
        return self._now(request.service)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """See grpc.health.v1."""
        before = self._now(request.service)
        yield before
        await self._draining.wait()
        now = self._now(request.service)
        if now != before:
            yield now

    def _now(self, service: str) -> health_pb2.HealthCheckResponse:
        if service not in self._services:
            return _Status(status=_Status.SERVICE_UNKNOWN)
        draining = self._draining.is_set()
        return _Status(status=_Status.NOT_SERVING if draining else _Status.SERVING)


class Reflection(reflection_aio.ReflectionServicer):  # type: ignore[misc]  # it has no types
    """Describes the services of a host until it drains."""

    def __init__(self, services: Iterable[str], draining: asyncio.Event) -> None:
        super().__init__(services)
        self._draining = draining

    async def ServerReflectionInfo(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Context
    ) -> AsyncIterator[Any]:
        """See grpc.reflection.v1alpha."""
        async for answer in super().ServerReflectionInfo(until(self._draining, requests), context):
            yield answer


def add_standard_services(
    server: grpc.aio.Server, services: Iterable[str], draining: asyncio.Event
) -> None:
    """Add health and reflection for the named services to a server."""
    services = list(services)
    health_pb2_grpc.add_HealthServicer_to_server(Health(services, draining), server)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
        Reflection([*services, HEALTH], draining), server
    )
