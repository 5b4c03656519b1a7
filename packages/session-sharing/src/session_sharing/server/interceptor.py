"""One interceptor for every method: identity, decoding, leases, and errors turned into statuses.

Servicers never touch statuses: they raise domain errors. Handlers get raw bytes and decode here, so
that a malformed request is an INVALID_ARGUMENT and not an UNKNOWN with a Python message. Who is not
known is answered unread, as its messages could fill the memory; for gRPC all methods are streams of
requests, so that they decide when they read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import aclosing
from time import perf_counter
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError

from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NotAuthenticatedError,
    NotPermittedError,
    SessionSharingError,
)
from session_sharing.core.events import EventType, SessionEvent
from session_sharing.core.registry import SessionRegistry
from session_sharing.server import calls
from session_sharing.server.counters import Counters
from session_sharing.server.identity import Identify, certificate_principal
from session_sharing.server.quota import Held, Quota
from session_sharing.server.status import message, status_code, trailing_metadata
from session_sharing.v1 import options_pb2

Encode = Callable[[Any], bytes]
Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


class DomainInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler of a server, once for each method."""

    def __init__(
        self,
        registry: SessionRegistry,
        identify: Identify,
        counters: Counters,
        quota: Quota,
        window: float,
        data_methods: Container[str],
    ) -> None:
        """Serve a registry.

        Args:
            registry: Knows the attachments.
            identify: Tells who calls.
            counters: Get calls, errors and the seconds that unary calls took.
            quota: What calls may take of the server.
            window: Presence window of callers that ask for none, in seconds.
            data_methods: Those that take large requests, named as in ``/pkg.Service/Call``.
        """
        self._registry = registry
        self._identify = identify
        self._sums = counters.sums
        self._quota = quota
        self._window = window
        self._data_methods = data_methods
        self._wrapped: dict[str, Any] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Give the wrapped handler of a method; unknown methods stay unknown."""
        try:
            principal = self._identify(handler_call_details.invocation_metadata or ())
        except SessionSharingError as error:
            return self._refusing(error)
        calls.begin(principal, self._window)
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _refusing(self, error: SessionSharingError) -> Any:
        """Give a handler that answers without reading, which for any method a stream can."""

        async def refuse(_: AsyncIterator[bytes], context: Context) -> None:
            await self._abort(context, error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _wrap(self, method: str, handler: Any) -> Any:
        limits = self._quota.limits
        is_data = method in self._data_methods
        largest = limits.max_message_bytes if is_data else limits.max_request_bytes
        leased = requires_lease(method)
        decode = _Decoder(handler.request_deserializer, self._registry, leased, largest)
        encode = handler.response_serializer
        if handler.request_streaming:
            behavior = self._streaming(handler.stream_stream, decode.each, encode, uploads=True)
            make = grpc.stream_stream_rpc_method_handler
        elif handler.response_streaming:
            behavior = self._streaming(handler.unary_stream, decode, encode)
            make = grpc.stream_stream_rpc_method_handler
        else:
            behavior = self._unary_unary(handler.unary_unary, decode, encode)
            make = grpc.stream_unary_rpc_method_handler
        return make(behavior, request_deserializer=None, response_serializer=None)

    def _unary_unary(self, inner: Any, decode: _Decoder, encode: Encode) -> Any:
        async def serve(requests: AsyncIterator[bytes], context: Context) -> bytes:
            started = perf_counter()
            held = None
            try:
                call, held = self._begin(context)
                data = await self._read(requests, call)
                held.take_bytes(len(data))
                answer = encode(await inner(decode(data, call), context))
                held.take_bytes(len(answer))
                return answer
            except Exception as error:
                await self._abort(context, error)
            finally:
                self._sums["calls"] += 1
                self._sums["call_seconds"] += perf_counter() - started
                if held is not None:
                    held.end_when_sent()
            raise AssertionError  # aborting raises

        return serve

    def _streaming(
        self,
        inner: Any,
        read: Callable[[Any, calls.Call], Any],
        encode: Encode,
        *,
        uploads: bool = False,
    ) -> Any:
        """Serve a method that streams its answers; `read` makes of bytes what it takes."""

        async def serve(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            held = None
            try:
                call, held = self._begin(context)
                held.take_stream(of_requests=uploads)
                data = requests if uploads else await self._read(requests, call)
                async with aclosing(inner(read(data, call), context)) as responses:
                    async for response in responses:
                        answer = encode(response)
                        held.take_bytes(len(answer))
                        yield answer
                        held.give_back_bytes(len(answer))
            except Exception as error:
                await self._abort(context, error)
            finally:
                if held is not None:
                    held.end()

        return serve

    def _begin(self, context: Context) -> tuple[calls.Call, Held]:
        """Complete what is known of a call before its request is decoded."""
        call = calls.current()
        if not call.principal:
            call.principal = certificate_principal(context.auth_context())
        call.held = held = Held(self._quota, call.principal)
        return call, held

    async def _read(self, requests: AsyncIterator[bytes], call: calls.Call) -> bytes:
        """Read the one request of a call, when it is its turn.

        Raises:
            InvalidArgumentError: It has none.
            LimitExceededError: It does not arrive, or too many calls wait for their turns.
        """
        turns, principal = self._quota.turns, call.principal
        may_begin = turns.may_begin(principal)
        turn = turns.begin(principal) if may_begin else await turns.wait(principal)
        try:
            return await anext(requests)
        except StopAsyncIteration:
            raise InvalidArgumentError("The call has no request.") from None
        except asyncio.CancelledError:
            if not turn.is_over:
                raise
            raise LimitExceededError(
                "The request has not arrived in time; others waited.", limit="reads"
            ) from None
        finally:
            turn.end()

    async def _abort(self, context: Context, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        self._sums["errors"] += 1
        if isinstance(error, (NotAuthenticatedError, NotPermittedError)):
            refused = SessionEvent(
                EventType.REFUSED,
                label=context.peer(),
                reason=str(error),
                principal=calls.known_principal(),
            )
            self._registry.events.publish(refused)
        try:
            await self._send_error(context, error)
        except grpc.aio.InternalError as gone:
            # The caller ended the call meanwhile, which gRPC would log as an error of the server's.
            raise asyncio.CancelledError from gone

    @staticmethod
    async def _send_error(context: Context, error: Exception) -> None:
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
        self,
        parse: Callable[[bytes], Any],
        registry: SessionRegistry,
        needs_lease: bool,
        largest: int,
    ) -> None:
        self._parse = parse
        self._registry = registry
        self._needs_lease = needs_lease
        self._largest = largest

    async def each(self, stream: AsyncIterator[bytes], call: calls.Call) -> AsyncIterator[Any]:
        """Decode the requests of a stream, one by one."""
        held = call.held
        assert held is not None
        async for data in stream:
            held.take_bytes(len(data))
            yield self(data, call)
            held.give_back_bytes(len(data))

    def __call__(self, data: bytes, call: calls.Call) -> Any:
        if len(data) > self._largest:
            raise LimitExceededError(
                f"The request has {len(data)} bytes; this call takes {self._largest} at most.",
                limit="message_bytes",
            )
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
