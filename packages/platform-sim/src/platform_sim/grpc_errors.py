"""Turn errors of the core into gRPC statuses, in one place for all servicers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from platform_sim import errors
from platform_sim.guarded_handlers import guarded

STATUS_OF_ERROR: dict[type[errors.PlatformSimError], grpc.StatusCode] = {
    errors.InvalidRequestError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotKnownError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyKnownError: grpc.StatusCode.ALREADY_EXISTS,
    errors.AmbiguousRequestError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotAvailableError: grpc.StatusCode.UNAVAILABLE,
    errors.OtherUserError: grpc.StatusCode.PERMISSION_DENIED,
    errors.UntrustedFileError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.LimitReachedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def status_of(error: errors.PlatformSimError) -> grpc.StatusCode:
    """Return the gRPC status of an error, INTERNAL if it has no entry."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF_ERROR:
            return STATUS_OF_ERROR[kind]
    return grpc.StatusCode.INTERNAL


class ErrorStatusInterceptor(grpc.aio.ServerInterceptor):
    """Ends a call that raised a PlatformSimError with the status of that error."""

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of a method; an unknown method stays unknown."""
        return guarded(await continuation(handler_call_details), _status_for_errors)


@asynccontextmanager
async def _status_for_errors(context: Any) -> AsyncIterator[None]:
    try:
        yield
    except errors.PlatformSimError as error:
        await context.abort(status_of(error), str(error))
