"""Write samples for a client: wait for space, and start the task if the client wants it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from nidaqmx.constants import WriteRelativeTo

from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.generation import Generation, Stream
from device_sim.drivers.nidaqmx.reading import check_timeout
from device_sim.drivers.nidaqmx.run import Block
from device_sim.drivers.nidaqmx.sampling import kind_of, rows_of
from device_sim.drivers.nidaqmx.timing import MOST_SAMPLES, Mode, buffer_of, mode_of
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task


def write(task: Task, block: Block, *, auto_start: bool, timeout: float, call: Call) -> int:
    """Write samples of all channels.

    Args:
        task: The task, with outputs.
        block: A row for each channel or line.
        auto_start: Whether to start the task if it does not run.
        timeout: The longest time to wait for space in seconds; -1 for no end.
        call: The waiting call.

    Returns:
        The number of samples of each channel that were written.

    Raises:
        DriverError: There is no space in time, the task must run first, or a value is invalid.
    """
    check_timeout(timeout)
    if block.size > MOST_SAMPLES:
        raise DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"Samples: {block.size}")
    is_running = task.state is task.state.RUNNING
    if mode_of(task) is Mode.ON_DEMAND:
        return _on_demand(task, block, is_running=is_running, auto_start=auto_start)
    if not is_running:
        task.verify()
        _prepare(task, block.shape[1])
    written = _buffered(task, block, timeout, call)
    if auto_start and not is_running:
        if task.events.has_samples():
            raise DriverError(
                ERRORS.AUTO_START_WRITE_NOT_ALLOWED_EVENT_REGISTERED, f"Task: {task.name}"
            )
        task.start()
    return written


def _on_demand(task: Task, block: Block, *, is_running: bool, auto_start: bool) -> int:
    if not is_running:
        if not auto_start:
            raise DriverError(
                ERRORS.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING,
                f"Task: {task.name}",
            )
        task.start()
    if block.shape[1]:
        task.hold(block[:, -1], task.hardware.now)
    task.given += block.shape[1]
    if not is_running:
        task.stop()
    return int(block.shape[1])


def _prepare(task: Task, count: int) -> None:
    """Make the buffer of a task that does not run; without a client's size it fits the data."""
    is_set = task.groups["Buffer"].is_set("OUTPUT_BUF_SIZE")
    size = buffer_of(task) if is_set else max(count, 1)
    rows, known = rows_of(task), task.stream
    if known.size != size or known.rows != rows:
        task.stream = Stream(rows, size, np.dtype(kind_of(task)).type)
        task.position = 0


def _buffered(task: Task, block: Block, timeout: float, call: Call) -> int:
    run = task.run if task.state is task.state.RUNNING else None
    if not isinstance(run, Generation):
        run = None
    if run is not None:
        run.check()
    _seek(task)
    deadline = task.hardware.now + timeout if timeout >= 0.0 else math.inf
    done, count = 0, block.shape[1]
    while done < count:
        is_in_time = _wait(task, run, count - done, deadline, call)
        part = block[:, done : done + _space(task, run)]
        task.stream.write(task.position, part)
        if run is not None:
            run.rewritten()
        task.position += part.shape[1]
        done += part.shape[1]
        if done < count and not is_in_time:
            raise DriverError(
                ERRORS.SAMPLES_CAN_NOT_YET_BE_WRITTEN,
                f"Task: {task.name}\nSamples written: {done} of {count}",
            )
    return done


def _seek(task: Task) -> None:
    properties = task.groups["Write"]
    relative_to, offset = properties["RELATIVE_TO"], int(properties["OFFSET"])
    base = 0 if relative_to == WriteRelativeTo.FIRST_SAMPLE.value else task.position
    if base + offset < 0:
        raise DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"Property: OFFSET\nValue: {offset}")
    task.position = base + offset


def _space(task: Task, run: Generation | None) -> int:
    if run is not None and run.regenerates:
        return task.stream.size
    return task.stream.space


def _wait(task: Task, run: Generation | None, wanted: int, deadline: float, call: Call) -> bool:
    """Wait for space for samples, or for an empty buffer. Return False if it did not come."""
    wanted = min(wanted, task.stream.size)
    if run is None or _space(task, run) >= wanted:
        return _space(task, run) >= wanted

    def poll(now: float) -> float | None:
        is_over = run.finished or task.run is not run or task.is_closed
        return None if task.stream.space >= wanted or is_over else run.due_with(wanted)

    task.waiting.wait(call, poll, deadline, listens=lambda: run.listens)
    run.check()
    return task.stream.space >= wanted
