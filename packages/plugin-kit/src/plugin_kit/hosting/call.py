"""End a Measure call when the caller cancels, when its deadline passes, or on an error."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import grpc

from plugin_kit.hosting.errors import CancelledError, DeadlineExceededError, MeasurementError
from plugin_kit.step_context import StepContext, step_context_of

if TYPE_CHECKING:
    from ni.measurementlink.sessionmanagement.v1.client import MultiSessionReservation
    from ni_measurement_plugin_sdk_service.measurement.service import MeasurementService

_logger = logging.getLogger(__name__)

_RESERVATION_SLICE = 0.2
"""Seconds that one attempt to reserve waits. A cancellation is seen at most so much later."""

_TRANSPORT_FAILURE = 0.8
"""Part of a slice: an attempt that fails earlier did not wait for a reservation."""


class MeasurementCall:
    """Watches the caller of one measurement while the measurement works.

    Args:
        service: The measurement service, inside its measurement function.
    """

    def __init__(self, service: MeasurementService) -> None:
        self._service = service
        self._cancelled = threading.Event()
        self._deadline = time.monotonic() + service.context.time_remaining
        service.context.add_cancel_callback(self._cancelled.set)

    @property
    def step(self) -> StepContext:
        """The step for which the caller measures: its name, its limits, the unit under test.

        Log it with the readings. TestStand does not send it; then it is empty.
        """
        return step_context_of(self._service.context.grpc_context.invocation_metadata())

    def check(self) -> None:
        """Raise an error if the caller does not wait for the result any more.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
        """
        if time.monotonic() >= self._deadline:
            raise DeadlineExceededError(
                "The caller's deadline passed before the measurement was complete. Allow more time."
            )
        if self._cancelled.is_set():
            raise CancelledError("The caller cancelled the measurement.")

    def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until the caller cancels or the deadline passes.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
        """
        self._cancelled.wait(max(0.0, min(seconds, self._deadline - time.monotonic())))
        self.check()

    def reserve(self, pins: Sequence[str]) -> MultiSessionReservation:
        """Reserve the sessions of pins; wait while other callers have them.

        The wait is cut into slices, because the platform's blocking call cannot be cancelled: if
        the platform granted a reservation after the caller left, nothing would release it.

        Raises:
            CancelledError: The caller cancelled.
            DeadlineExceededError: The deadline passed.
            grpc.RpcError: The platform refused, or cannot be reached.
        """
        context = self._service.context.pin_map_context
        # An empty list means all sites here; for the SDK it means no site.
        context = context._replace(sites=context.sites or None)
        while True:
            self.check()
            started = time.monotonic()
            try:
                return self._service.session_management_client.reserve_sessions(
                    context, pins, timeout=_RESERVATION_SLICE
                )
            except grpc.RpcError as error:
                waited = time.monotonic() - started
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                if waited < _RESERVATION_SLICE * _TRANSPORT_FAILURE:
                    raise


@contextlib.contextmanager
def reported_to_caller(service: MeasurementService) -> Iterator[None]:
    """Send the caller the status and text of an error; gRPC alone would send UNKNOWN."""
    try:
        yield
    except MeasurementError as error:
        service.context.abort(error.status, str(error))
    except grpc.RpcError as error:
        service.context.abort(error.code(), error.details() or str(error))
    except Exception as error:
        _logger.exception("The measurement failed with an unexpected error.")
        service.context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")
