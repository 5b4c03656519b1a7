"""Serve driver calls by gRPC handlers, made from the drivers' own descriptors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from device_sim.base.wire import make_message
from device_sim.errors import CallCancelledError, CallError, DeviceSimError, DriverError

if TYPE_CHECKING:
    from device_sim.base.serving import ServedCalls

_log = logging.getLogger(__name__)

_MAX_DESCRIPTION = 2048


class GrpcCall:
    """A client's call in the form that drivers use (see `call.Call`)."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def is_active(self) -> bool:
        """Return whether the client has neither cancelled nor disconnected."""
        return bool(self._context.is_active())

    def on_end(self, callback: Callable[[], None]) -> None:
        """Register a function to call when the call ends, or call it now if it has ended."""
        if not self._context.add_callback(callback):
            callback()

    def acknowledge(self) -> None:
        """Send the initial metadata."""
        self._context.send_initial_metadata(())

    def trail(self, name: str, value: str) -> None:
        """Add to the trailing metadata."""
        _trail(self._context, name, value)


def _trail(context: grpc.ServicerContext, name: str, value: str) -> None:
    known = context.trailing_metadata() or ()
    context.set_trailing_metadata((*known, (name, value)))


def method_handlers(calls: ServedCalls) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
    """Return the handler of every method of the driver's service. Each decodes its request."""
    return {method.name: _handler(calls, method) for method in calls.driver.descriptor.methods}


def _handler(calls: ServedCalls, method: Any) -> grpc.RpcMethodHandler[Any, Any]:
    messages = calls.driver.protobuf
    request_class = getattr(messages, method.input_type.name)
    response_class = getattr(messages, method.output_type.name)
    name = method.name

    def decode(request: bytes) -> Any:
        try:
            return request_class.FromString(request)
        except DecodeError as error:
            text = f"The request is not a message {method.input_type.full_name}."
            raise CallError(grpc.StatusCode.INVALID_ARGUMENT, text) from error

    def answer(request: bytes, context: grpc.ServicerContext) -> Any:
        return serve(
            lambda: make_message(
                response_class, calls.serve(name, decode(request), GrpcCall(context))
            ),
            context,
        )

    def stream(request: bytes, context: grpc.ServicerContext) -> Any:
        message = serve(lambda: decode(request), context)
        answers = calls.stream(name, message, GrpcCall(context))
        while (fields := serve(lambda: next(answers, None), context)) is not None:
            yield make_message(response_class, fields)

    encode = response_class.SerializeToString
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, response_serializer=encode)
    return grpc.unary_unary_rpc_method_handler(answer, response_serializer=encode)


def serve(answer: Callable[[], Any], context: grpc.ServicerContext) -> Any:
    """Return the result of `answer`, or end the call with its DeviceSimError."""
    try:
        return answer()
    except DeviceSimError as error:
        failure = error
    except Exception:
        _log.exception("a simulated driver failed")
        raise
    # Outside the try: `abort` raises a bare Exception.
    return _abort(failure, context)


def _abort(error: DeviceSimError, context: grpc.ServicerContext) -> NoReturn:
    if isinstance(error, DriverError):
        _trail(context, "ni-error", str(error.code))
        context.abort(grpc.StatusCode.UNKNOWN, error.description[:_MAX_DESCRIPTION])
    if isinstance(error, CallError):
        context.abort(error.status, error.details)
    if isinstance(error, CallCancelledError):
        context.abort(grpc.StatusCode.CANCELLED, "The call was cancelled.")
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
