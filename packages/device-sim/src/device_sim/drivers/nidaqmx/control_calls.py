"""The calls that start, stop and describe a task, and those for errors."""

from __future__ import annotations

from typing import Any

from nidaqmx.constants import Signal
from nidaqmx.error_codes import DAQmxErrors, DAQmxWarnings

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.names import flatten
from device_sim.drivers.nidaqmx.task import Task
from device_sim.errors import DriverError

_EXPORTED = {
    Signal.START_TRIGGER.value: "START_TRIG_OUTPUT_TERM",
    Signal.REFERENCE_TRIGGER.value: "REF_TRIG_OUTPUT_TERM",
}
"""The property with the terminal of each signal."""

_OTHERS = {
    error.value: f"{error.name.replace('_', ' ').capitalize()}."
    for kind in (DAQmxWarnings, DAQmxErrors)
    for error in kind
}
"""Texts made of NI's names, for codes that the simulation does not raise."""


class ControlCalls:
    """Serve the states of tasks."""

    def start_task(self, task: Task, request: Any, call: Call) -> None:
        """Start."""
        task.start()

    def stop_task(self, task: Task, request: Any, call: Call) -> None:
        """Stop. Raise the error that ended the run, if one did."""
        run = task.run if task.state is task.state.RUNNING else None
        task.stop()
        if run is not None:
            run.check()

    def task_control(self, task: Task, request: Any, call: Call) -> None:
        """Change the state."""
        task.control(enum_value(request, "action"))

    def is_task_done(self, task: Task, request: Any, call: Call) -> Fields:
        """Return whether nothing is taken or put out any more."""
        return {"is_task_done": task.is_done}

    def wait_until_task_done(self, task: Task, request: Any, call: Call) -> None:
        """Wait for the end."""
        task.wait_until_done(request.time_to_wait, call)

    def export_signal(self, task: Task, request: Any, call: Call) -> None:
        """Put a trigger onto a terminal, too.

        Raises:
            DriverError: The task runs, or the signal is not simulated.
        """
        task.require_stopped()
        signal = enum_value(request, "signal_id")
        if signal not in _EXPORTED or _EXPORTED[signal] not in task.groups["ExportSignal"]:
            raise DriverError(
                ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
                f"Not simulated: the export of the signal {signal}. Export a trigger.",
            )
        task.groups["ExportSignal"][_EXPORTED[signal]] = request.output_terminal

    # Names.

    def get_nth_task_channel(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the name of a channel, counted from 1."""
        return {"buffer": _nth(task.channel_names, request.index)}

    get_nth_task_read_channel = get_nth_task_channel

    def get_nth_task_device(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the name of a device, counted from 1."""
        return {"buffer": _nth(task.devices, request.index)}


class ErrorCalls:
    """Serve the texts of errors, and the calls that always have one."""

    def load_task(self, hardware: Hardware, request: Any, call: Call) -> None:
        """Refuse: no tasks are saved here."""
        raise DriverError(
            ERRORS.TASK_NOT_IN_DATA_NEIGHBORHOOD, f"Task Name: {request.session_name}"
        )

    def get_error_string(self, hardware: Hardware, request: Any, call: Call) -> Fields:
        """Return the text of a code, empty if there is none."""
        code = request.error_code
        known = ERRORS.find(code)
        return {"error_string": known.text if known else _OTHERS.get(code, "")}


def _nth(names: tuple[str, ...], index: int) -> str:
    if not 1 <= index <= len(names):
        raise DriverError(
            ERRORS.INVALID_CHANNEL, f"Index: {index}\nThere are: {flatten(names) or 'none'}"
        )
    return names[index - 1]
