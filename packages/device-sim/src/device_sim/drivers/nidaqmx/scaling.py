"""Convert between the values of analog channels and the codes of their converters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.run import Block

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

LARGEST = 2**15 - 1
"""The code at the end of the range. The smallest one is -LARGEST - 1."""


def gain_of(channel: Channel) -> float:
    """Return the value of one code, as the hardware has it."""
    high = "AI_RNG_HIGH" if channel.kind == "AI" else "AO_DAC_RNG_HIGH"
    return float(channel.attributes[high]) / LARGEST


def codes_of(task: Task, block: Block) -> npt.NDArray[np.int64]:
    """Return the codes of values, a row for each channel."""
    gains = np.array([[gain_of(channel)] for channel in task.channels])
    rows = zip(task.channels, block, strict=True)
    block = np.array([channel.in_hardware(row) for channel, row in rows]).reshape(block.shape)
    codes = np.clip(np.floor(block / gains), -LARGEST - 1, LARGEST)
    return np.asarray(codes, np.int64)


def values_of(task: Task, codes: npt.NDArray[Any]) -> Block:
    """Return the values of codes as the hardware has them, a row for each channel."""
    return np.asarray(codes * np.array([[gain_of(channel)] for channel in task.channels]))
