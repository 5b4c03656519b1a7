"""Take samples of the inputs of a task: simulated ones, or from the bench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from device_sim.bench import Grid
from device_sim.drivers.nidaqmx import simulated, wiring
from device_sim.drivers.nidaqmx.counter_lines import rows_of_counter
from device_sim.drivers.nidaqmx.disturbed_inputs import disturbed
from device_sim.drivers.nidaqmx.run import Block

if TYPE_CHECKING:
    from device_sim.bench import Bench
    from device_sim.drivers.nidaqmx.channel import Channel
    from device_sim.drivers.nidaqmx.task import Task


def kind_of(task: Task) -> npt.DTypeLike:
    """Return the type of a task's samples."""
    return bool if task.kind in ("DI", "DO") else np.float64


def rows_of(task: Task) -> int:
    """Return the number of rows of a task's samples: its channels, or its lines."""
    if task.kind in ("DI", "DO"):
        return sum(len(channel.lines) for channel in task.channels)
    if task.kind == "CI":
        return rows_of_counter(task.channels[0])
    return len(task.channels)


def sample(
    task: Task,
    first: int,
    begin: float,
    spacing: float,
    count: int,
    before: Block | None = None,
) -> Block:
    """Return samples of all channels, a row for each channel or line.

    Args:
        task: The task.
        first: The number of the first sample since the start.
        begin: The time of the first sample.
        spacing: The seconds from one sample to the next; 0 for samples on demand.
        count: The number of samples.
        before: The sample of each channel before the first one; None if there is none.
    """
    bench, grid = task.hardware.bench, Grid(begin, spacing, count)
    if task.kind == "DI":
        states = simulated.digital(task.channels, first, count)
        lines = [line for channel in task.channels for line in channel.lines]
        _replace(states, [wiring.digital(line, bench, grid) for line in lines])
        return states
    block = simulated.analog(task.channels, first, count)
    _replace(block, [_wired(channel, bench, grid) for channel in task.channels])
    return disturbed(task, block, begin, spacing, before)


def _wired(channel: Channel, bench: Bench, grid: Grid) -> Block | None:
    """Return samples of an analog input from the bench in its units, None if it is not wired."""
    found = wiring.analog(channel, bench, grid)
    return None if found is None else channel.in_units(found)


def _replace(block: Block, rows: Sequence[Block | None]) -> None:
    """Put the samples of the bench into the rows of those channels that are wired."""
    for number, row in enumerate(rows):
        if row is not None:
            block[number] = row
