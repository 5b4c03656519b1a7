"""Serve gRPC reflection. With it, tools without NI's packages find and describe the services."""

from __future__ import annotations

from collections.abc import Iterable

from grpc_reflection.v1alpha import reflection

from device_sim.server.handlers import HandlerCollector

SHARED_SERVICES = ("nidevice_grpc.SessionUtilities", "device_sim.v1.Bench")
"""The services that every device server has in addition to those of its drivers."""


def add_reflection(services: Iterable[str], handlers: HandlerCollector) -> None:
    """Answer requests about services whose modules are imported."""
    reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], handlers)
