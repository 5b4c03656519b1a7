"""The faults of an analog input, as they change a record."""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt

from device_sim.bench import Grid
from device_sim.faults import Faults

Volts = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Disturbed:
    """The faults of a device during a record.

    Args:
        faults: The faults of the server.
        device: The device.
        grid: The times of the record.
        channel: The channel.
    """

    def __init__(self, faults: Faults, device: str, grid: Grid, channel: str) -> None:
        self._faults = faults
        self._device = device
        self._grid = grid
        # The same record has the same deviations, and each channel its own.
        seed = zlib.crc32(f"{device.lower()} {channel.lower()} {grid.begin!r}".encode())
        self._random = np.random.default_rng(seed)

    def _when(self, kind: str) -> list[tuple[float, Flags]]:
        """Return the amount of each fault of a kind, and where it is in force."""
        found = self._faults.disturbances(kind, self._device, self._grid.begin, self._grid.end)
        times = self._grid.times if found else np.empty(0)
        return [(each.amount, (times >= each.begin) & (times < each.end)) for each in found]

    def with_noise(self, volts: Volts) -> Volts:
        """Return the volts with the noise of faults."""
        for deviation, where in self._when("add_noise"):
            volts = volts + np.where(where, self._random.normal(0.0, deviation, len(volts)), 0.0)
        return volts

    @property
    def range(self) -> Volts:
        """The part of the range that the input has, at each time."""
        share = np.ones(self._grid.count)
        for part, where in self._when("clip_input"):
            share = np.where(where, np.minimum(share, part), share)
        return share

    def overloaded(self, readings: Volts) -> Volts:
        """Return the readings, infinite where they overload."""
        for _, where in self._when("over_range"):
            readings = np.where(where, math.inf, readings)
        return readings

    def without_lost(self, readings: Volts, before: float | None = None) -> Volts:
        """Return the readings, with the one before for each that is lost.

        Args:
            readings: The readings.
            before: The reading before the first one; None if there is none.
        """
        for share, where in self._when("drop_samples"):
            lost = where & (self._random.random(len(readings)) < share)
            kept = np.maximum.accumulate(np.where(lost, -1, np.arange(len(readings))))
            first = readings[0] if before is None else before
            readings = np.where(kept < 0, first, readings[kept])
        return readings
