"""One interceptor for every method: identity, decoding, leases, and errors turned into statuses.

Servicers never touch statuses: they raise domain errors. Handlers get raw bytes and decode here, so
that a malformed request is an INVALID_ARGUMENT and not an UNKNOWN with a Python message.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from time import perf_counter
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError

from session_sharing.core.errors import (
    InvalidArgumentError,
    NotAuthenticatedError,
    NotPermittedError,
    SessionSharingError,
)
from session_sharing.core.events import EventType, SessionEvent
from session_sharing.core.registry import SessionRegistry
from session_sharing.server import calls
from session_sharing.server.counters import Counters
from session_sharing.server.status import message, status_code, trailing_metadata
from session_sharing.v1 import options_pb2

Context = grpc.aio.ServicerContext[Any, Any]
Authenticate = Callable[[Context], str]
"""Tells the caller's identity; raises `NotAuthenticatedError`."""

_log = logging.getLogger(__name__)


class DomainInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler of a server, once for each method."""

    def __init__(
        self,
        registry: SessionRegistry,
        authenticate: Authenticate,
        counters: Counters,
        window: float,
    ) -> None:
        """Serve a registry.

        Args:
            registry: Knows the attachments.
            authenticate: Tells who calls.
            counters: Get calls, errors and the seconds that unary calls took.
            window: Presence window of callers that ask for none, in seconds.
        """
        self._registry = registry
        self._authenticate = authenticate
        self._sums = counters.sums
        self._window = window
        self._wrapped: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Give the wrapped handler of a method; unknown methods stay unknown."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Any:
        decode = _Decoder(handler.request_deserializer, self._registry, requires_lease(method))
        if handler.request_streaming:
            behavior = self._stream_stream(handler.stream_stream, decode)
            make = grpc.stream_stream_rpc_method_handler
        elif handler.response_streaming:
            yields = inspect.isasyncgenfunction(handler.unary_stream)
            wrap = self._unary_stream if yields else self._unary_writing
            behavior = wrap(handler.unary_stream, decode)
            make = grpc.unary_stream_rpc_method_handler
        else:
            behavior = self._unary_unary(handler.unary_unary, decode)
            make = grpc.unary_unary_rpc_method_handler
        return make(
            behavior,
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )

    def _unary_unary(self, inner: Any, decode: _Decoder) -> Any:
        async def serve(data: bytes, context: Context) -> Any:
            started = perf_counter()
            try:
                call = calls.begin(self._authenticate(context), self._window)
                return await inner(decode(data, call), context)
            except Exception as error:
                await self._abort(context, error)
            finally:
                self._sums["calls"] += 1
                self._sums["call_seconds"] += perf_counter() - started

        return serve

    def _unary_stream(self, inner: Any, decode: _Decoder) -> Any:
        async def serve(data: bytes, context: Context) -> AsyncIterator[Any]:
            try:
                call = calls.begin(self._authenticate(context), self._window)
                async with aclosing(inner(decode(data, call), context)) as responses:
                    async for response in responses:
                        yield response
            except Exception as error:
                await self._abort(context, error)

        return serve

    def _unary_writing(self, inner: Any, decode: _Decoder) -> Any:
        """Serve a handler that writes its responses to the context, as gRPC's own health does."""

        async def serve(data: bytes, context: Context) -> None:
            try:
                call = calls.begin(self._authenticate(context), self._window)
                await inner(decode(data, call), context)
            except Exception as error:
                await self._abort(context, error)

        return serve

    def _stream_stream(self, inner: Any, decode: _Decoder) -> Any:
        async def serve(stream: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
            try:
                call = calls.begin(self._authenticate(context), self._window)
                requests = (decode(data, call) async for data in stream)
                async with aclosing(inner(requests, context)) as responses:
                    async for response in responses:
                        yield response
            except Exception as error:
                await self._abort(context, error)

        return serve

    async def _abort(self, context: Context, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        self._sums["errors"] += 1
        if isinstance(error, (NotAuthenticatedError, NotPermittedError)):
            refused = SessionEvent(EventType.REFUSED, label=context.peer(), reason=str(error))
            self._registry.events.publish(refused)
        if isinstance(error, SessionSharingError):
            await context.abort(status_code(error), message(error), trailing_metadata(error))
        if isinstance(error, NotImplementedError):
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "This server has no such call.")
        _log.error("A call failed unexpectedly.", exc_info=error)
        await context.abort(
            grpc.StatusCode.INTERNAL,
            f"The server met an unexpected {type(error).__name__}; its log has the details.",
        )


class _Decoder:
    """Decodes the requests of one method and checks the lease that they name."""

    def __init__(
        self, parse: Callable[[bytes], Any], registry: SessionRegistry, needs_lease: bool
    ) -> None:
        self._parse = parse
        self._registry = registry
        self._needs_lease = needs_lease

    def __call__(self, data: bytes, call: calls.Call) -> Any:
        try:
            request = self._parse(data)
        except DecodeError as error:
            raise InvalidArgumentError("The request is not a valid protobuf message.") from error
        if self._needs_lease:
            call.attachment = self._registry.attachment(request.attachment, call.principal)
        return request


def requires_lease(method: str) -> bool:
    """Read the option `requires_lease` of a method, named as in ``/pkg.Service/Call``."""
    service, _, name = method.strip("/").rpartition("/")
    pool = descriptor_pool.Default()
    try:
        found = pool.FindServiceByName(service).methods_by_name[name]
    except KeyError:
        return False
    return bool(found.GetOptions().Extensions[options_pb2.requires_lease])
