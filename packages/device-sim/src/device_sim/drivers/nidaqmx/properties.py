"""The properties of a task that follow from its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device_sim.drivers.nidaqmx.acquisition import Acquisition
from device_sim.drivers.nidaqmx.attributes import Attributes
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.generation import Generation
from device_sim.drivers.nidaqmx.layout import widest
from device_sim.drivers.nidaqmx.names import flatten
from device_sim.drivers.nidaqmx.reading import default_count
from device_sim.drivers.nidaqmx.timing import buffer_of, highest_rate
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task


GROUPS = ("Task", "Timing", "Trigger", "Read", "Write", "Buffer", "ExportSignal", "RealTime")
"""The groups of properties that each task has once."""


def groups_of(task: Task) -> dict[str, Attributes]:
    """Return the properties of a task with the kind of channels that it has, by group."""
    table, kind = task.hardware.table, task.kind
    words = (kind, "outputs" if task.is_output else "inputs") if kind else ()
    groups = {name: table.attributes(name, *words) for name in GROUPS}
    groups["Task"].computed |= {
        "NAME": lambda: task.name,
        "CHANNELS": lambda: flatten(task.channel_names),
        "NUM_CHANS": lambda: len(task.channels),
        "DEVICES": lambda: ", ".join(task.devices),
        "NUM_DEVICES": lambda: len(task.devices),
        "COMPLETE": lambda: task.is_done,
    }
    if not kind:
        return groups
    readable = kind in ("AI", "DI", "CI", "DO")
    for name in ("Read",) * readable + ("Write",) * task.is_output:
        groups[name].computed |= {
            "NUM_CHANS": lambda: len(task.channels),
            "DIGITAL_LINES_BYTES_PER_CHAN": lambda: widest(task.channels),
            "RAW_DATA_WIDTH": lambda: 2 * len(task.channels),
        }
    if readable:
        _add_input(task, groups["Read"])
    if task.is_output:
        _add_output(task, groups["Write"])
    _add_timing(task, groups["Timing"])
    buffer = "OUTPUT_BUF_SIZE" if task.is_output else "INPUT_BUF_SIZE"
    groups["Buffer"].derived[buffer] = lambda: buffer_of(task)
    return groups


def _add_timing(task: Task, timing: Attributes) -> None:
    timing.derived["SAMP_CLK_SRC"] = lambda: (
        f"/{task.devices[0]}/{task.kind.lower()}/SampleClockTimebase"
    )
    timing.derived["SAMP_CLK_TIMEBASE_DIV"] = lambda: round(
        timing["SAMP_CLK_TIMEBASE_RATE"] / timing["SAMP_CLK_RATE"]
    )
    timing.derived["SAMP_CLK_MAX_RATE"] = lambda: min(
        highest_rate(task, device) for device in task.system_devices
    )


def _add_input(task: Task, read: Attributes) -> None:
    read.computed |= {
        "DEFAULT_NUMBER_OF_SAMPLES_TO_READ": lambda: default_count(task),
        "AVAIL_SAMP_PER_CHAN": lambda: _acquisition(task).available,
        "CURR_READ_POS": lambda: _acquisition(task).position,
        "TOTAL_SAMP_PER_CHAN_ACQUIRED": lambda: _acquisition(task).count,
    }
    read.derived["CHANNELS_TO_READ"] = lambda: flatten(task.channel_names)


def _add_output(task: Task, write: Attributes) -> None:
    write.computed |= {
        "CURR_WRITE_POS": lambda: task.position,
        "TOTAL_SAMP_PER_CHAN_GENERATED": lambda: _generation(task).count,
        "SPACE_AVAIL": lambda: task.stream.space,
    }


def _acquisition(task: Task) -> Acquisition:
    if not isinstance(task.run, Acquisition):
        raise DriverError(
            ERRORS.CANNOT_GET_PROPERTY_WHEN_TASK_NOT_RESERVED_COMMITTED_OR_RUNNING,
            f"Task: {task.name}",
        )
    return task.run


def _generation(task: Task) -> Generation:
    if not isinstance(task.run, Generation):
        raise DriverError(
            ERRORS.CANNOT_GET_PROPERTY_WHEN_TASK_NOT_RESERVED_COMMITTED_OR_RUNNING,
            f"Task: {task.name}",
        )
    return task.run
