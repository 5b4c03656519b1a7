"""One Measure call: it ends when the caller cancels, when its deadline passes, or on an error."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import grpc
from ni.measurementlink.sessionmanagement.v1.client import MultiSessionReservation

_RESERVATION_SLICE = 0.2
"""Seconds that one attempt to reserve waits; the bound on how late a cancellation is seen."""

_TRANSPORT_FAILURE = 0.8
"""An attempt that fails within this part of its slice did not wait for a reservation."""


class MeasurementError(Exception):
    """A measurement that cannot be done; the caller gets the status and the text."""

    status = grpc.StatusCode.UNKNOWN


class InvalidInputError(MeasurementError):
    """A parameter, or the pin map with it, asks for what the plug-in cannot do."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class CancelledError(MeasurementError):
    """The caller cancelled the measurement."""

    status = grpc.StatusCode.CANCELLED


class DeadlineExceededError(MeasurementError):
    """The caller's deadline passed before the measurement was complete."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class CallContext(Protocol):
    """What this module uses of the SDK's ``MeasurementContext``."""

    @property
    def time_remaining(self) -> float: ...  # noqa: D102
    def add_cancel_callback(self, cancel_callback: object, /) -> None: ...  # noqa: D102
    def abort(self, code: grpc.StatusCode, details: str) -> None: ...  # noqa: D102
    def reserve_sessions(  # noqa: D102
        self, pin_or_relay_names: Sequence[str], timeout: float
    ) -> MultiSessionReservation: ...


class MeasurementCall:
    """Watches the caller of one measurement while the measurement works.

    Args:
        context: The SDK's measurement context, inside the measurement function.
    """

    def __init__(self, context: CallContext) -> None:
        self._context = context
        self._cancelled = threading.Event()
        remaining = context.time_remaining
        self._deadline = math.inf if remaining is None else time.monotonic() + remaining
        context.add_cancel_callback(self._cancelled.set)

    def check(self) -> None:
        """Return at once while the caller still waits for the result.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
        """
        if time.monotonic() >= self._deadline:
            raise DeadlineExceededError("The deadline passed before the measurement was complete.")
        if self._cancelled.is_set():
            raise CancelledError("The caller cancelled the measurement.")

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the caller does.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
        """
        self._cancelled.wait(max(0.0, min(seconds, self._deadline - time.monotonic())))
        self.check()

    def reserve(self, pins: Sequence[str]) -> MultiSessionReservation:
        """Reserve the sessions of pins, waiting for whoever holds them.

        The wait is cut into slices because the platform's blocking call cannot be cancelled: a
        reservation granted after the caller left would never be given back.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
            grpc.RpcError: The platform refused, or cannot be reached.
        """
        while True:
            self.check()
            started = time.monotonic()
            try:
                return self._context.reserve_sessions(pins, timeout=_RESERVATION_SLICE)
            except grpc.RpcError as error:
                waited = time.monotonic() - started
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                if waited < _RESERVATION_SLICE * _TRANSPORT_FAILURE:
                    raise


@contextlib.contextmanager
def reported_to_caller(context: CallContext) -> Iterator[None]:
    """Give the caller the status and text of an error, where gRPC alone would say UNKNOWN."""
    try:
        yield
    except MeasurementError as error:
        context.abort(error.status, str(error))
    except grpc.RpcError as error:
        context.abort(error.code(), error.details() or str(error))
