"""Refuses the calls of other users on a server with an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from session_sharing.same_user import SameUserRule

from platform_sim.errors import OtherUserError


class SameUserInterceptor(grpc.aio.ServerInterceptor):
    """Keeps a rule on a server of unary methods; a method of another kind is not served."""

    def __init__(self, rule: SameUserRule) -> None:
        self._rule = rule

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler behind the rule."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return None
        method = handler.unary_unary

        async def call(request: Any, context: Any) -> Any:
            refusal = self._rule.refusal(context.peer())
            if refusal is not None:
                raise OtherUserError(refusal)
            return await method(request, context)

        return grpc.unary_unary_rpc_method_handler(
            call, handler.request_deserializer, handler.response_serializer
        )
