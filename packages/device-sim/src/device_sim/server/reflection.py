"""gRPC's reflection, by which tools without NI's packages find and describe the services."""

from __future__ import annotations

from collections.abc import Iterable

from grpc_reflection.v1alpha import reflection

from device_sim.server.handlers import HandlerCollector

SHARED_SERVICES = ("nidevice_grpc.SessionUtilities", "device_sim.v1.Bench")
"""The services that every device server has beside those of its drivers."""


def add_reflection(services: Iterable[str], handlers: HandlerCollector) -> None:
    """Answer questions about services, whose modules must have been imported."""
    reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], handlers)
