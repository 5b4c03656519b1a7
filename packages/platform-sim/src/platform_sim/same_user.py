"""Refuse the calls of other users, on a server with an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from session_sharing.same_user import SameUserRule

from platform_sim.errors import OtherUserError
from platform_sim.guarded_handlers import guarded


class SameUserInterceptor(grpc.aio.ServerInterceptor):
    """Apply the rule to methods of every kind, on a server with an event loop."""

    def __init__(self, rule: SameUserRule) -> None:
        self._rule = rule

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler that checks the rule first."""
        return guarded(await continuation(handler_call_details), self._check)

    @asynccontextmanager
    async def _check(self, context: Any) -> AsyncIterator[None]:
        refusal = self._rule.refusal(context.peer())
        if refusal is not None:
            raise OtherUserError(refusal)
        yield
