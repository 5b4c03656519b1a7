"""Refuse the calls of other users, on a server with threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from session_sharing.same_user import SameUserRule

_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class SameUserInterceptor(grpc.ServerInterceptor):
    """Apply the rule to methods of every kind."""

    def __init__(self, rule: SameUserRule) -> None:
        self._rule = rule

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler that checks the rule first."""
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        kind = next(one for one in _KINDS if getattr(handler, one) is not None)
        method = getattr(handler, kind)

        def call(request: Any, context: grpc.ServicerContext) -> Any:
            refusal = self._rule.refusal(context.peer())
            if refusal is None:
                return method(request, context)
            context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
            raise AssertionError("abort raises")

        make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
        wrapped: grpc.RpcMethodHandler[Any, Any] = make(
            call, handler.request_deserializer, handler.response_serializer
        )
        return wrapped
