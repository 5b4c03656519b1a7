"""Turns errors of the core into gRPC status codes, in one place for all servicers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from platform_sim import errors

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

STATUS_OF_ERROR: dict[type[errors.PlatformSimError], grpc.StatusCode] = {
    errors.InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotKnownError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyKnownError: grpc.StatusCode.ALREADY_EXISTS,
    errors.AmbiguousRequestError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotAvailableError: grpc.StatusCode.UNAVAILABLE,
    errors.OtherUserError: grpc.StatusCode.PERMISSION_DENIED,
    errors.LimitReachedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def status_of(error: errors.PlatformSimError) -> grpc.StatusCode:
    """Returns the status that stands for an error, INTERNAL for one without an entry."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF_ERROR:
            return STATUS_OF_ERROR[kind]
    return grpc.StatusCode.INTERNAL


class ErrorStatusInterceptor(grpc.aio.ServerInterceptor):
    """Ends a unary call that raised a PlatformSimError with the status of that error."""

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[_Request, _Response] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        """Wraps the handler of a unary method; an unknown method stays unknown."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler  # type: ignore[no-any-return]
        method = handler.unary_unary

        async def call(request: _Request, context: Any) -> _Response:
            try:
                response: _Response = await method(request, context)
            except errors.PlatformSimError as error:
                await context.abort(status_of(error), str(error))
                raise  # never reached: abort raises
            return response

        wrapped: Any = grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped  # type: ignore[no-any-return]
