"""What the inputs of a device read that no bench wires, as NI documents it for simulated devices.

An analog input has a sine from the smallest to the largest value that the client expects, with
noise of 3 % of full scale; the next channel is 5 degrees ahead. Each port of eight lines counts
from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from device_sim.drivers.nidaqmx.channel import Channel

_PERIOD = 100  # Samples in a period of the sine.
_SHIFT = math.radians(5.0)  # The phase from one channel to the next.
_NOISE = 0.03  # The largest noise as a fraction of full scale.
_COUNT = 0x100  # States of eight lines.

_noise = np.random.default_rng(0).uniform(-_NOISE, _NOISE, 7919)
"""The noise of all inputs. Its length is prime, so it does not repeat with the sine."""


def analog(channels: Sequence[Channel], first: int, count: int) -> npt.NDArray[np.float64]:
    """Return samples of analog inputs, a row for each channel.

    Args:
        channels: The channels.
        first: The number of the first sample since the start.
        count: The number of samples.
    """
    numbers = np.arange(first, first + count)
    rows = [_sine(channel, place, numbers) for place, channel in enumerate(channels)]
    return np.array(rows).reshape(len(channels), count)


def _sine(channel: Channel, place: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    low, high = channel.limits
    wave = np.sin(2.0 * math.pi * numbers / _PERIOD + place * _SHIFT)
    wave += _noise[(numbers + 613 * place) % len(_noise)]
    return np.asarray(np.clip((low + high) / 2.0 + (high - low) / 2.0 * wave, low, high))


def digital(channels: Sequence[Channel], first: int, count: int) -> npt.NDArray[np.bool_]:
    """Return samples of digital inputs, a row for each line."""
    numbers = np.arange(first, first + count) % _COUNT
    lines = [line for channel in channels for line in channel.lines]
    rows = [(numbers >> (line.index % 8)) & 1 for line in lines]
    return np.array(rows, bool).reshape(len(lines), count)
