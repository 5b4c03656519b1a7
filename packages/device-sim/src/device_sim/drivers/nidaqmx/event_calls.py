"""The streams of events: register, wait for events, send them, until the client cancels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nidaqmx.constants import EveryNSamplesEventType, Signal

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.events import Kind, Registration
from device_sim.drivers.nidaqmx.task import Task
from device_sim.errors import DriverError, ErrorCode

_ACQUIRED = EveryNSamplesEventType.ACQUIRED_INTO_BUFFER.value
_TRANSFERRED = EveryNSamplesEventType.TRANSFERRED_FROM_BUFFER.value
_SIGNALS = (Signal.SAMPLE_CLOCK.value, Signal.SAMPLE_COMPLETE.value)


class EventCalls:
    """Serve the registrations for events. Each is a stream, which ends when the client cancels."""

    def register_done_event(self, task: Task, request: Any, call: Call) -> Iterator[Fields]:
        """Send the error that ended a run, 0 without one."""
        found = _register(task, Kind.DONE, 1, ERRORS.DONE_EVENT_ALREADY_REGISTERED)
        return _stream(task, found, call, lambda: {"status": found.status})

    def unregister_done_event(self, task: Task, request: Any, call: Call) -> None:
        """End the stream."""
        task.events.end(Kind.DONE)

    def register_every_n_samples_event(
        self, task: Task, request: Any, call: Call
    ) -> Iterator[Fields]:
        """Send the number of samples, each time so many are acquired or put out."""
        wanted, every = enum_value(request, "every_n_samples_event_type"), request.n_samples
        kind, already = _samples_kind(task, wanted)
        if every < 1:
            raise DriverError(ERRORS.EVERY_N_SAMPS_EVENT_INTERVAL_ZERO_NOT_SUPPORTED)
        found = _register(task, kind, every, already)
        fields = {"every_n_samples_event_type_raw": wanted, "n_samples": every}
        if wanted in (_ACQUIRED, _TRANSFERRED):
            fields["every_n_samples_event_type"] = wanted
        return _stream(task, found, call, lambda: fields)

    def unregister_every_n_samples_event(self, task: Task, request: Any, call: Call) -> None:
        """End the stream."""
        wanted = enum_value(request, "every_n_samples_event_type")
        task.events.end(Kind.TRANSFERRED if wanted == _TRANSFERRED else Kind.ACQUIRED)

    def register_signal_event(self, task: Task, request: Any, call: Call) -> Iterator[Fields]:
        """Send the signal for each sample."""
        signal = enum_value(request, "signal_id")
        if signal not in _SIGNALS:
            raise DriverError(
                ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
                f"Not simulated: events of the signal {signal}. Use the sample clock.",
            )
        found = _register(task, Kind.SIGNAL, 1, ERRORS.SIGNAL_EVENT_ALREADY_REGISTERED)
        return _stream(task, found, call, lambda: {"signal_id": signal})

    def unregister_signal_event(self, task: Task, request: Any, call: Call) -> None:
        """End the stream."""
        task.events.end(Kind.SIGNAL)


def _samples_kind(task: Task, wanted: int) -> tuple[Kind, ErrorCode]:
    """Return the kind of events for samples, and the error if it is registered already.

    Raises:
        DriverError: The task cannot have such events.
    """
    if wanted == _TRANSFERRED:
        if not task.is_output:
            raise DriverError(
                ERRORS.EVERY_N_SAMPS_TRANSFERRED_FROM_BUFFER_EVENT_NOT_SUPPORTED_BY_DEVICE
            )
        return (
            Kind.TRANSFERRED,
            ERRORS.EVERY_N_SAMPS_TRANSFERRED_FROM_BUFFER_EVENT_ALREADY_REGISTERED,
        )
    if wanted != _ACQUIRED:
        raise DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"Event: {wanted}")
    if task.is_output:
        raise DriverError(ERRORS.EVERY_N_SAMPLES_ACQ_INTO_BUFFER_EVENT_NOT_SUPPORTED_BY_DEVICE)
    return Kind.ACQUIRED, ERRORS.EVERY_N_SAMPS_ACQ_INTO_BUFFER_EVENT_ALREADY_REGISTERED


def _register(task: Task, kind: Kind, every: int, already: ErrorCode) -> Registration:
    if task.state is task.state.RUNNING:
        raise DriverError(
            ERRORS.CANNOT_REGISTER_DA_QMX_SOFTWARE_EVENT_WHILE_TASK_IS_RUNNING,
            f"Task: {task.name}",
        )
    return task.events.register(kind, every, already)


def _stream(
    task: Task, found: Registration, call: Call, fields: Callable[[], Fields]
) -> Iterator[Fields]:
    """Yield an answer for each event, until the registration ends."""
    call.acknowledge()
    return _answers(task, found, call, fields)


def _answers(
    task: Task, found: Registration, call: Call, fields: Callable[[], Fields]
) -> Iterator[Fields]:
    def poll(now: float) -> float | None:
        return None if found.pending or not found.is_open else found.due(task.run, now)

    try:
        while True:
            task.waiting.watch(call, poll)
            if not found.pending:
                return
            found.pending -= 1
            yield fields()
    finally:
        task.events.unregister(found)
