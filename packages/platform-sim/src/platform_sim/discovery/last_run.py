"""Report how a plug-in that discovery started ended, and its last output. NI has no such call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from plugin_kit.calling.extensions import LAST_RUN_METHOD, NO_RUN, LastRun, LastRunRequest

from platform_sim.discovery.plugin_process import PluginProcess

_LONGEST_WAIT = 5.0


class LastRunHandler(grpc.GenericRpcHandler):
    """Serve `LAST_RUN_METHOD`."""

    def __init__(self, process_at: Callable[[str], PluginProcess | None]) -> None:
        """Take a function that finds the process that last listened on a port."""
        self._process_at = process_at

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the only method."""
        if handler_call_details.method != LAST_RUN_METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, message: bytes, context: object) -> bytes:
        request = LastRunRequest.decode(message)
        process = self._process_at(request.port)
        if process is None:
            return NO_RUN
        if request.wait:
            await asyncio.to_thread(process.wait, min(request.wait, _LONGEST_WAIT))
        return LastRun(process.ending(), process.describe_output()).encode()
