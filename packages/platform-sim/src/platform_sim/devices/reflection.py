"""gRPC's reflection, by which tools without NI's packages find and describe the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection

SHARED_SERVICES = ("nidevice_grpc.SessionUtilities",)
"""What a device server has beside the services of its drivers."""


class _Handlers:
    """Takes the handlers of a service in place of a server, to be served when they are wanted."""

    def __init__(self) -> None:
        self.generic: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Take handlers."""
        self.generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Take nothing: these are the same handlers in another form."""


def reflection_handler(services: Iterable[str]) -> grpc.GenericRpcHandler:
    """Return what answers questions about services, whose modules must have been imported."""
    handlers = _Handlers()
    reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], handlers)
    (handler,) = handlers.generic
    return handler
