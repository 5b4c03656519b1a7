"""Handlers of services that are served when a client first wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc


class HandlerCollector:
    """Stands in for a server where gRPC's own functions add a service to one."""

    def __init__(self) -> None:
        self.generic: list[grpc.GenericRpcHandler] = []
        """The handlers so far."""

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Keep handlers."""
        self.generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Do nothing: these are the same handlers in another form."""
