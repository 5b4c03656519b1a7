"""Read samples for a client: wait for them, and start the task if it does not run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from device_sim.call import Call
from device_sim.drivers.nidaqmx.acquisition import Acquisition
from device_sim.drivers.nidaqmx.counter_input import CounterInput
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.run import Block
from device_sim.drivers.nidaqmx.sampling import sample
from device_sim.drivers.nidaqmx.timing import MOST_SAMPLES, Mode, mode_of
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

READABLE = ("AI", "DI", "CI", "DO")
"""The kinds of channels that can be read. Digital outputs are read back."""

ALL = -1
"""The number of samples of a client that wants all."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The samples that a client gets."""

    samples: Block
    """A row for each channel or line."""

    begin: float
    """The time of the first one."""

    spacing: float
    """The seconds from one to the next; 0 for samples on demand."""

    status: int = 0
    """The error if fewer samples came than the client wants, else 0."""

    @property
    def count(self) -> int:
        """The number of samples of each channel."""
        return int(self.samples.shape[1])


def read(task: Task, wanted: int, timeout: float, call: Call, *, most: int) -> Reading:
    """Return samples of all channels.

    Args:
        task: The task, with inputs.
        wanted: The number of samples of each channel; ALL for what the mode of the task says.
        timeout: The longest time to wait in seconds; -1 for no end.
        call: The waiting call.
        most: The samples of each channel that the client has room for.

    Raises:
        DriverError: There are no samples to read, the buffer overflowed, or a value is invalid.
    """
    check_timeout(timeout)
    if task.kind not in READABLE:
        raise DriverError(ERRORS.READ_NO_INPUT_CHANS_IN_TASK, f"Task: {task.name}")
    if wanted < ALL or wanted * len(task.channels) > MOST_SAMPLES:
        raise DriverError(
            ERRORS.INVALID_NUMBER_SAMPLES_TO_READ, f"Requested Value: {wanted}\nTask: {task.name}"
        )
    if task.kind == "DO":
        return _read_back(task, 1 if wanted == ALL else wanted, most)
    was_started = task.state is not task.state.RUNNING
    if was_started:
        _start(task)
    if mode_of(task) is Mode.ON_DEMAND:
        found = _on_demand(task, 1 if wanted == ALL else wanted, most, timeout, call)
        is_over = True
    else:
        assert isinstance(task.run, Acquisition)
        found = _buffered(task, task.run, wanted, timeout, call, most)
        is_over = task.run.remaining == 0
    if was_started and is_over:
        task.stop()
    return found


def default_count(task: Task) -> int:
    """Return the samples of each channel that a client gets that wants all.

    Raises:
        DriverError: No more samples will come.
    """
    mode = mode_of(task)
    if mode is Mode.ON_DEMAND:
        return 1
    if isinstance(task.run, Acquisition) and task.state is task.state.RUNNING:
        return _count(task, task.run, ALL)
    return int(task.groups["Timing"]["SAMP_QUANT_SAMP_PER_CHAN"]) if mode is Mode.FINITE else 0


def check_timeout(timeout: float) -> None:
    """Raise DriverError if a client's time to wait is invalid."""
    if not (timeout >= 0.0 or timeout == -1.0):
        raise DriverError(ERRORS.INVALID_TIMEOUT_VAL, f"Requested Value: {timeout}")


def _start(task: Task) -> None:
    if not task.groups["Read"]["AUTO_START"]:
        raise DriverError(
            ERRORS.CANNOT_READ_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING_OR_COMMITTED,
            f"Task: {task.name}",
        )
    if task.events.has_samples():
        raise DriverError(ERRORS.AUTO_START_READ_NOT_ALLOWED_EVENT_REGISTERED, f"Task: {task.name}")
    task.start()


def _read_back(task: Task, count: int, most: int) -> Reading:
    _check_room(count, most)
    lines = [line.name for channel in task.channels for line in channel.lines]
    states = np.array([[task.hardware.lines.get(name, False)] for name in lines], bool)
    return Reading(states.repeat(count, axis=1), task.hardware.now, 0.0)


def _check_room(count: int, most: int) -> None:
    if count > most:
        raise DriverError(
            ERRORS.READ_BUFFER_TOO_SMALL, f"Samples per channel: {count}\nRoom for: {most}"
        )


def _on_demand(task: Task, count: int, most: int, timeout: float, call: Call) -> Reading:
    _check_room(count, most)
    now = task.hardware.now
    if isinstance(task.run, CounterInput):
        found = task.run.measure(count, now + timeout if timeout >= 0.0 else math.inf, call)
    else:
        found = sample(task, task.taken, now, 0.0, count)
    task.taken += count
    return Reading(found, now, 0.0)


def _buffered(
    task: Task, run: Acquisition, wanted: int, timeout: float, call: Call, most: int
) -> Reading:
    run.check()
    properties = task.groups["Read"]
    run.seek(properties["RELATIVE_TO"], properties["OFFSET"])
    count = _count(task, run, wanted)
    _check_room(count, most)
    deadline = task.hardware.now + timeout if timeout >= 0.0 else math.inf

    def poll(now: float) -> float | None:
        is_ready = run.available >= count or run.finished or task.run is not run
        return None if is_ready else run.due_with(count)

    task.waiting.wait(call, poll, deadline, listens=lambda: run.listens)
    run.check()
    if task.run is not run or task.is_closed:
        raise DriverError(ERRORS.SAMPLES_WILL_NEVER_BE_AVAILABLE, f"Task: {task.name}")
    found = min(count, run.available)
    begin = run.time_of(run.position) if run.origin is not None else task.hardware.now
    status = 0 if found == count else ERRORS.SAMPLES_NOT_YET_AVAILABLE.code
    return Reading(run.take(found), begin, 1.0 / run.plan.rate, status)


def _count(task: Task, run: Acquisition, wanted: int) -> int:
    """Return how many samples a read waits for.

    Raises:
        DriverError: No more samples will come.
    """
    if wanted != ALL and run.remaining == 0 < wanted:
        raise DriverError(ERRORS.SAMPLES_WILL_NEVER_BE_AVAILABLE, f"Task: {task.name}")
    reads_available = run.plan.mode is Mode.CONTINUOUS or task.groups["Read"]["READ_ALL_AVAIL_SAMP"]
    if wanted == ALL and reads_available:
        return run.available
    return int(run.remaining if wanted == ALL else min(wanted, run.remaining))
