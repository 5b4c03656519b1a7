"""How a plug-in that discovery started ended, and what it last wrote: a call beside NI's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import grpc

from platform_sim.discovery.plugin_process import PluginProcess

METHOD = "/platform_sim.v1.Plugins/LastRun"
"""Takes the plug-in's port and how long to wait for its end, answers with a `LastRun`, in JSON."""

_LONGEST_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the platform knows of a plug-in's process."""

    ended: str
    """Such as "exit code 3" or "signal SIGKILL"; "" while the process runs."""
    output: str
    """Its last lines and where the others are, as a sentence."""


def encode_request(port: str, wait: float) -> bytes:
    """Returns the request for the process that listened on a port.

    Args:
        port: Port of the plug-in.
        wait: Seconds to wait for its end, if it has not ended.
    """
    return json.dumps({"port": port, "wait": wait}).encode()


def decode_last_run(answer: bytes) -> LastRun | None:
    """Reads an answer; None for a plug-in that the platform did not start."""
    fields = json.loads(answer)
    return LastRun(**fields) if fields else None


class LastRunHandler(grpc.GenericRpcHandler):
    """Serves `METHOD`."""

    def __init__(self, process_at: Callable[[str], PluginProcess | None]) -> None:
        """Takes what finds the process that last listened on a port."""
        self._process_at = process_at

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Returns the handler of the one method."""
        if handler_call_details.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, request: bytes, context: object) -> bytes:
        asked = json.loads(request)
        process = self._process_at(asked["port"])
        if process is None:
            return b"null"
        if asked["wait"]:
            await asyncio.to_thread(process.wait, min(asked["wait"], _LONGEST_WAIT))
        return json.dumps(asdict(LastRun(process.ending(), process.describe_output()))).encode()
