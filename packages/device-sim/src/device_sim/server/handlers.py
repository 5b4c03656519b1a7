"""Collect the handlers of services, which are served only when a client needs them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc


class HandlerCollector:
    """Take the place of a server in gRPC's functions that add a service to a server."""

    def __init__(self) -> None:
        self.generic: list[grpc.GenericRpcHandler] = []
        """The handlers so far."""

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Collect handlers."""
        self.generic += handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Do nothing: these are the same handlers in another form."""
