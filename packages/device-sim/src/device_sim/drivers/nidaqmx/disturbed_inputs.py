"""The faults of analog inputs, as they change the samples of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from device_sim.base.disturbed import Disturbed
from device_sim.bench import Grid
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.run import Block
from device_sim.faults import Faults

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

_KINDS = ("add_noise", "clip_input", "drop_samples", "over_range")


def disturbed(
    task: Task, block: Block, begin: float, spacing: float, before: Block | None
) -> Block:
    """Return the samples of a task's analog inputs as the faults of their devices change them.

    An input reads the end of its range if the signal is beyond it.

    Args:
        task: The task.
        block: The samples without faults, a row for each channel.
        begin: The time of the first sample.
        spacing: The seconds from one sample to the next.
        before: The sample of each channel before the first one; None if there is none.
    """
    faults = task.hardware.bench.faults
    grid = Grid(begin, spacing, block.shape[1])
    there = (
        faults.disturbances(kind, device, grid.begin, grid.end)
        for kind in _KINDS
        for device in task.devices
    )
    if not any(there):
        return block
    previous = [None] * len(block) if before is None else before
    rows = zip(task.channels, block, previous, strict=True)
    return np.array([_disturbed_row(*each, grid, faults) for each in rows])


def _disturbed_row(
    channel: Channel, values: Block, before: float | None, grid: Grid, faults: Faults
) -> Block:
    record = Disturbed(faults, channel.devices[0], grid, channel.name)
    low, high = _range(channel)
    middle, half = (low + high) / 2.0, (high - low) / 2.0 * record.range
    values = record.overloaded(record.with_noise(values))
    return record.without_lost(np.clip(values, middle - half, middle + half), before)


def _range(channel: Channel) -> tuple[float, float]:
    """Return the range of an input in its units. For volts, it is that of the hardware."""
    attributes = channel.attributes
    if "AI_MIN" in attributes and "AI_MAX" in attributes:
        return float(attributes["AI_MIN"]), float(attributes["AI_MAX"])
    return channel.limits[0], channel.limits[1]
