"""Run the methods of gRPC handlers inside a guard. This works for methods of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc
import grpc.aio

Guard = Callable[[Any], AbstractAsyncContextManager[None]]
"""Take a call's context, and return a context manager to put around the whole call."""


def guarded(
    handler: grpc.RpcMethodHandler[Any, Any] | None, guard: Guard
) -> grpc.RpcMethodHandler[Any, Any] | None:
    """Return a handler that runs the method of another one inside a guard.

    Args:
        handler: A handler with an asynchronous method, or an asynchronous generator if it answers
            with a stream. None stays None, which means an unknown method.
        guard: The guard to put around each call.
    """
    if handler is None:
        return None
    inner: Any = handler
    kind = "_".join(
        "stream" if streams else "unary"
        for streams in (inner.request_streaming, inner.response_streaming)
    )
    method = getattr(inner, kind)

    async def answer(request: Any, context: Any) -> Any:
        async with guard(context):
            return await method(request, context)

    async def answer_with_stream(request: Any, context: Any) -> AsyncIterator[Any]:
        async with guard(context):
            async for response in method(request, context):
                yield response

    make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
    wrapped: grpc.RpcMethodHandler[Any, Any] = make(
        answer_with_stream if inner.response_streaming else answer,
        inner.request_deserializer,
        inner.response_serializer,
    )
    return wrapped
