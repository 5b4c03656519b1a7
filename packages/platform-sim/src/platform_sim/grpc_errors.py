"""Turns errors of the core into gRPC status codes, in one place for all servicers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from platform_sim import errors

STATUS_OF_ERROR: dict[type[errors.PlatformSimError], grpc.StatusCode] = {
    errors.InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotKnownError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyKnownError: grpc.StatusCode.ALREADY_EXISTS,
    errors.AmbiguousRequestError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotAvailableError: grpc.StatusCode.UNAVAILABLE,
}


def status_of(error: errors.PlatformSimError) -> grpc.StatusCode:
    """Returns the status that stands for an error, INTERNAL for one without an entry."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF_ERROR:
            return STATUS_OF_ERROR[kind]
    return grpc.StatusCode.INTERNAL


class ErrorStatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Ends a unary call that raised a PlatformSimError with the status of that error."""

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wraps the handler of a unary method; others pass unchanged."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler.unary_unary

        async def call(request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
            try:
                return await method(request, context)
            except errors.PlatformSimError as error:
                await context.abort(status_of(error), str(error))

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
