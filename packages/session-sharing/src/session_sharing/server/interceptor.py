"""Wrap every method: identify the caller, decode, check the lease, and send errors as statuses.

Servicers raise domain errors and never set statuses. Requests arrive here as bytes and are decoded
here, so that a malformed request is an INVALID_ARGUMENT and not an UNKNOWN with a Python message.
The server answers an unknown caller without reading its request, because requests could fill the
memory. For gRPC each method is a stream of requests, so that this code decides when it reads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Container
from contextlib import aclosing
from functools import partial
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
from session_sharing.core.sessions import Attachment
from session_sharing.roles import Role
from session_sharing.server import calls
from session_sharing.server.counters import Counters
from session_sharing.server.identity import Identify, certificate_principal
from session_sharing.server.quota import Held, Quota
from session_sharing.server.signals import until
from session_sharing.server.status import message, status_code, trailing_metadata
from session_sharing.v1 import options_pb2

Encode = Callable[[Any], bytes]
Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


class DomainInterceptor(grpc.aio.ServerInterceptor):
    """Wraps the handler of each method of a server once."""

    def __init__(
        self,
        registry: SessionRegistry,
        identify: Identify,
        role_of: Callable[[str], Role],
        counters: Counters,
        quota: Quota,
        window: float,
        data_methods: Container[str],
    ) -> None:
        """Serve a registry.

        Args:
            registry: The registry, which has the attachments.
            identify: Returns the caller's principal.
            role_of: Returns what a principal may do.
            counters: Count calls, errors and the seconds that unary calls took.
            quota: Limits of the calls.
            window: Presence window of callers that ask for none, in seconds.
            data_methods: Methods that take large requests, named as in ``/pkg.Service/Call``.
        """
        self._registry = registry
        self._identify = identify
        self._role_of = role_of
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
        """Return the wrapped handler of a method; None for an unknown method."""
        try:
            principal = self._identify(handler_call_details.invocation_metadata or ())
        except SessionSharingError as error:
            return self._refusing(error)
        calls.begin(principal, self._window, self._registry)
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _refusing(self, error: SessionSharingError) -> Any:
        """Return a handler that answers with an error without reading the request."""

        async def refuse(_: AsyncIterator[bytes], context: Context) -> None:
            await self._abort(context, error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _wrap(self, method: str, handler: Any) -> Any:
        limits = self._quota.limits
        is_data = method in self._data_methods
        largest = limits.max_message_bytes if is_data else limits.max_request_bytes
        leased = requires_lease(method)
        needed = Role.OBSERVE if only_observes(method) else Role.USE
        decode = _Decoder(handler.request_deserializer, self._registry, leased, largest)
        encode = handler.response_serializer
        if handler.request_streaming:
            behavior = self._streaming(
                handler.stream_stream, decode.each, encode, needed, uploads=True
            )
            make = grpc.stream_stream_rpc_method_handler
        elif handler.response_streaming:
            behavior = self._streaming(handler.unary_stream, decode, encode, needed)
            make = grpc.stream_stream_rpc_method_handler
        else:
            behavior = self._unary_unary(handler.unary_unary, decode, encode, needed)
            make = grpc.stream_unary_rpc_method_handler
        return make(behavior, request_deserializer=None, response_serializer=None)

    def _unary_unary(self, inner: Any, decode: _Decoder, encode: Encode, needed: Role) -> Any:
        async def serve(_: AsyncIterator[bytes], context: Context) -> bytes:
            started = perf_counter()
            held = None
            try:
                call, held = self._begin(context, needed)
                data = await self._read(context, call)
                held.take_bytes(len(data))
                request = decode(data, call)
                call.begin_use()
                answer = encode(await inner(request, context))
                held.take_bytes(len(answer))
                return answer
            except Exception as error:
                await self._abort(context, error)
            finally:
                self._sums["calls"] += 1
                self._sums["call_seconds"] += perf_counter() - started
                if held is not None:
                    calls.current().end_use()
                    held.end_when_sent()
            raise AssertionError  # aborting raises

        return serve

    def _streaming(
        self,
        inner: Any,
        read: Callable[[Any, calls.Call], Any],
        encode: Encode,
        needed: Role,
        *,
        uploads: bool = False,
    ) -> Any:
        """Serve a method that streams its answers; `read` decodes its request or requests."""

        async def serve(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            held = None
            try:
                call, held = self._begin(context, needed)
                held.take_stream(of_requests=uploads)
                data = requests if uploads else await self._read(context, call)
                answers = inner(read(data, call), context)
                if call.attachment is not None:
                    answers = self._while_attached(answers, call.attachment)
                async with aclosing(answers) as responses:
                    async for response in responses:
                        answer = encode(response)
                        held.take_bytes(len(answer))
                        yield answer
                        held.release_bytes(len(answer))
            except Exception as error:
                await self._abort(context, error)
            finally:
                if held is not None:
                    held.end()

        return serve

    async def _while_attached(
        self, answers: AsyncGenerator[Any, None], attachment: Attachment
    ) -> AsyncIterator[Any]:
        """Yield the answers of a stream; when its attachment ends, raise an error that says why."""
        ended = asyncio.Event()
        tell = partial(asyncio.get_running_loop().call_soon_threadsafe, ended.set)
        stop = self._registry.uses.listen_for_end(attachment, tell)
        try:
            async with aclosing(answers), aclosing(until(ended, answers)) as wanted:
                async for answer in wanted:
                    yield answer
        finally:
            stop()
        if ended.is_set():
            self._registry.attachment(attachment.id, attachment.client.principal)

    def _begin(self, context: Context, needed: Role) -> tuple[calls.Call, Held]:
        """Complete the facts about a call before its request is decoded.

        Raises:
            NotPermittedError: The caller has not the role that the method needs.
        """
        call = calls.current()
        if not call.principal:
            call.principal = certificate_principal(context.auth_context())
        call.role = self._role_of(call.principal)
        if not call.role.includes(needed):
            raise NotPermittedError(
                f"This call needs the role {needed.value!r}; {call.principal!r} has the role "
                f"{call.role.value!r}. Use another API key, or change the role in the file of keys."
            )
        call.held = held = Held(self._quota, call.principal)
        return call, held

    async def _read(self, context: Context, call: calls.Call) -> bytes:
        """Wait for the turn of a call, and read its one request.

        gRPC's iterator of requests would cost a task of its own to be closed.

        Raises:
            InvalidArgumentError: The call has no request.
            LimitExceededError: It does not arrive, or too many calls wait for their turns.
        """
        turns, principal = self._quota.turns, call.principal
        may_begin = turns.may_begin(principal)
        turn = turns.begin(principal) if may_begin else await turns.wait(principal)
        try:
            data = await context.read()
        except asyncio.CancelledError:
            if not turn.is_over:
                raise
            raise LimitExceededError(
                "The request took too long to arrive while other calls waited. Try again.",
                limit="reads",
            ) from None
        finally:
            turn.end()
        if not isinstance(data, bytes):  # it is grpc.aio.EOF
            raise InvalidArgumentError(
                "The caller ended the call without a request. Send one request message."
            )
        return data

    async def _abort(self, context: Context, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        self._sums["errors"] += 1
        refusals = (NotAuthenticatedError, NotPermittedError)
        if isinstance(error, refusals) and not error.is_published:
            refused = SessionEvent(
                EventType.REFUSED,
                label=context.peer(),
                reason=str(error),
                principal=calls.known_principal(),
            )
            self._registry.events.publish(refused)
        try:
            await self._send_error(context, error)
        except grpc.aio.InternalError as ended:
            # The caller has ended the call; gRPC would log that as an error of the server.
            raise asyncio.CancelledError from ended

    @staticmethod
    async def _send_error(context: Context, error: Exception) -> None:
        if isinstance(error, SessionSharingError):
            await context.abort(status_code(error), message(error), trailing_metadata(error))
        if isinstance(error, NotImplementedError):
            await context.abort(
                grpc.StatusCode.UNIMPLEMENTED, "This server does not implement this call."
            )
        _log.error("A servicer raised an unexpected error.", exc_info=error)
        await context.abort(
            grpc.StatusCode.INTERNAL,
            f"The server failed with an unexpected {type(error).__name__}. See the server's log.",
        )


class _Decoder:
    """Decodes the requests of one method, and checks the lease of the attachment in them."""

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
            request = self(data, call)
            call.begin_use()
            try:
                yield request
            finally:
                call.end_use()
            held.release_bytes(len(data))

    def __call__(self, data: bytes, call: calls.Call) -> Any:
        if len(data) > self._largest:
            raise LimitExceededError(
                f"The request has {len(data)} bytes. This call accepts at most {self._largest}. "
                "Send less in one request.",
                limit="message_bytes",
            )
        try:
            request = self._parse(data)
        except DecodeError as error:
            raise InvalidArgumentError(
                "The request is not a valid protobuf message of this call. Check that client and "
                "server use the same .proto file."
            ) from error
        if self._needs_lease:
            call.attachment = self._registry.attachment(request.attachment, call.principal)
        return request


def requires_lease(method: str) -> bool:
    """Return the option `requires_lease` of a method, named as in ``/pkg.Service/Call``."""
    options = _options(method)
    return options is not None and bool(options.Extensions[options_pb2.requires_lease])


def only_observes(method: str) -> bool:
    """Return the option `observes` of a method. Health and reflection observe, too."""
    if method.startswith("/grpc."):
        return True
    options = _options(method)
    return options is not None and bool(options.Extensions[options_pb2.observes])


def _options(method: str) -> Any:
    service, _, name = method.strip("/").rpartition("/")
    pool = descriptor_pool.Default()
    try:
        return pool.FindServiceByName(service).methods_by_name[name].GetOptions()
    except KeyError:
        return None
