"""Arrange samples in the flat arrays of the messages, and take them out of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from nidaqmx.constants import FillMode

from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.run import Block
from device_sim.errors import DriverError


def flat(block: Block, fill_mode: int) -> npt.NDArray[Any]:
    """Return samples one after the other: by channel, or by the time at which they were taken."""
    return np.asarray(block if fill_mode == FillMode.GROUP_BY_CHANNEL.value else block.T).ravel()


def padded(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return values with zeros up to a size."""
    return np.concatenate((values, np.zeros(max(0, size - len(values)), values.dtype)))


def unflat(values: npt.NDArray[Any], rows: int, count: int, data_layout: int) -> Block:
    """Return samples in rows, given how they are arranged one after the other.

    Raises:
        DriverError: There are fewer values than samples.
    """
    if count < 0 or len(values) < rows * count:
        raise DriverError(
            ERRORS.INVALID_NUM_SAMPS_TO_WRITE,
            f"Samples per channel: {count}\nChannels: {rows}\nValues: {len(values)}",
        )
    values = values[: rows * count]
    if data_layout == FillMode.GROUP_BY_CHANNEL.value:
        return np.asarray(values.reshape(rows, count))
    return np.asarray(values.reshape(count, rows).T)


def pack_lines(channels: Sequence[Channel], block: Block) -> Block:
    """Return a number for each channel and time, of a row for each line: the first one is bit 0."""
    rows, first = [], 0
    for channel in channels:
        last = first + len(channel.lines)
        weights = np.left_shift(np.uint32(1), np.arange(last - first, dtype=np.uint32))
        rows.append(weights @ block[first:last].astype(np.uint32))
        first = last
    return np.array(rows, np.uint32).reshape(len(channels), block.shape[1])


def unpack_lines(channels: Sequence[Channel], numbers: Block) -> Block:
    """Return a row for each line, of a number for each channel and time."""
    rows = [
        (numbers[row] >> np.uint32(bit)) & np.uint32(1)
        for row, channel in enumerate(channels)
        for bit in range(len(channel.lines))
    ]
    return np.array(rows, bool).reshape(len(rows), numbers.shape[1])


def spread_lines(channels: Sequence[Channel], block: Block) -> Block:
    """Return as many rows for each channel as the widest one has lines; those too many are 0."""
    width = widest(channels)
    spread = np.zeros((len(channels) * width, block.shape[1]), bool)
    first = 0
    for number, channel in enumerate(channels):
        last = first + len(channel.lines)
        spread[number * width : number * width + last - first] = block[first:last]
        first = last
    return spread


def gather_lines(channels: Sequence[Channel], spread: Block) -> Block:
    """Return a row for each line, of what `spread_lines` returns."""
    width = widest(channels)
    kept = [
        number * width + line
        for number, channel in enumerate(channels)
        for line in range(len(channel.lines))
    ]
    return np.asarray(spread[kept])


def widest(channels: Sequence[Channel]) -> int:
    """Return the largest number of lines of a channel."""
    return max((len(channel.lines) for channel in channels), default=0)


def flat_lines(channels: Sequence[Channel], block: Block, fill_mode: int) -> npt.NDArray[Any]:
    """Return a byte for each line, sample and channel, as many for each channel."""
    width = widest(channels)
    cube = spread_lines(channels, block).reshape(len(channels), width, block.shape[1])
    by_channel = fill_mode == FillMode.GROUP_BY_CHANNEL.value
    axes = (0, 2, 1) if by_channel else (2, 0, 1)
    return np.asarray(cube.transpose(axes).ravel(), np.uint8)


def unflat_lines(
    channels: Sequence[Channel], values: npt.NDArray[Any], count: int, data_layout: int
) -> Block:
    """Return a row for each line, of what `flat_lines` returns.

    Raises:
        DriverError: There are fewer values than samples.
    """
    width, many = widest(channels), len(channels)
    if count < 0 or len(values) < many * width * count:
        raise DriverError(
            ERRORS.NUM_LINES_MISMATCH_IN_READ_OR_WRITE,
            f"Samples per channel: {count}\nLines: {many * width}\nValues: {len(values)}",
        )
    values = values[: many * width * count]
    if data_layout == FillMode.GROUP_BY_CHANNEL.value:
        cube = values.reshape(many, count, width).transpose(0, 2, 1)
    else:
        cube = values.reshape(count, many, width).transpose(1, 2, 0)
    return gather_lines(channels, cube.reshape(many * width, count).astype(bool))
