"""Samples in the flat arrays of messages, and in the buffer of a task, as properties."""

from __future__ import annotations

import numpy as np
import pytest
from device_sim.drivers.nidaqmx import layout
from device_sim.drivers.nidaqmx.run import Buffer
from device_sim.errors import DriverError
from hypothesis import given, settings
from hypothesis import strategies as st
from nidaqmx.constants import FillMode

MODES = st.sampled_from([mode.value for mode in FillMode])


class Lines:
    """A digital channel with some lines."""

    def __init__(self, count: int) -> None:
        self.lines = range(count)


digital = st.lists(st.integers(1, 32).map(Lines), min_size=1, max_size=5)


def states(channels: list[Lines], count: int, seed: int) -> np.ndarray:
    rows = sum(len(channel.lines) for channel in channels)
    return np.random.default_rng(seed).random((rows, count)) < 0.5


@given(rows=st.integers(1, 5), count=st.integers(0, 9), mode=MODES)
def test_values_come_back_from_a_flat_array(rows, count, mode):
    block = np.arange(rows * count, dtype=float).reshape(rows, count)
    found = layout.unflat(layout.padded(layout.flat(block, mode), 99), rows, count, mode)
    assert (found == block).all()


@given(channels=digital, count=st.integers(0, 9), seed=st.integers(0, 99), mode=MODES)
def test_lines_come_back_from_numbers_and_from_bytes(channels, count, seed, mode):
    block = states(channels, count, seed)
    numbers = layout.pack_lines(channels, block)
    assert (layout.unpack_lines(channels, numbers) == block).all()
    flat = layout.flat_lines(channels, block, mode)
    assert len(flat) == len(channels) * layout.widest(channels) * count
    assert (layout.unflat_lines(channels, flat, count, mode) == block).all()


@given(rows=st.integers(1, 3), count=st.integers(-3, 9), have=st.integers(0, 20), mode=MODES)
def test_too_few_values_are_refused(rows, count, have, mode):
    if 0 <= rows * count <= have:
        assert layout.unflat(np.zeros(have), rows, count, mode).shape == (rows, count)
    else:
        with pytest.raises(DriverError):
            layout.unflat(np.zeros(have), rows, count, mode)


@settings(deadline=None)
@given(size=st.integers(1, 20), blocks=st.lists(st.integers(0, 30), max_size=20))
def test_a_buffer_keeps_the_newest_samples(size, blocks):
    buffer, everything = Buffer(1, size), np.zeros(0)
    for count in blocks:
        more = np.arange(len(everything), len(everything) + count, dtype=float)
        buffer.append(more.reshape(1, count))
        everything = np.concatenate((everything, more))
        kept = min(size, len(everything))
        assert buffer.oldest == len(everything) - kept
        assert (buffer.read(buffer.oldest, kept)[0] == everything[buffer.oldest :]).all()
