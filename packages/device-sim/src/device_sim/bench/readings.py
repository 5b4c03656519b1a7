"""From exact values to what a converter reports: gain, offset, noise and steps."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from device_sim.bench.parts import Imperfections


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How well an instrument measures one quantity in one range."""

    gain: float
    """Largest deviation in proportion to the value."""

    offset: float
    """Largest constant deviation, in the quantity's unit."""

    noise: float
    """Standard deviation at an aperture of one second, in the quantity's unit."""

    step: float
    """Smallest difference between two readings, in the quantity's unit."""

    def limit_of_error(self, value: float, aperture: float, sigmas: float = 5.0) -> float:
        """How far a reading may be from the true value, in the quantity's unit.

        Args:
            value: The true value.
            aperture: Seconds over which the reading averages, above 0.
            sigmas: Standard deviations of noise; one reading in two million exceeds five.
        """
        noise = sigmas * self.noise_over(aperture)
        return self.gain * abs(value) + self.offset + noise + self.step / 2.0

    def noise_over(self, aperture: float) -> float:
        """Standard deviation at an aperture of so many seconds, above 0.

        White noise averages out: its variance is in inverse proportion to the aperture.
        """
        return float(self.noise / aperture**0.5)


class Converter:
    """The analogue-to-digital converter of one channel and quantity.

    Gain and offset are drawn once from the seed and the channel's name, so they stay the same
    from run to run and do not depend on what other channels do; the noise of a channel is one
    sequence from the same seed.

    Args:
        name: The channel and quantity.
        imperfections: Which deviations there are.
    """

    def __init__(self, name: str, imperfections: Imperfections) -> None:
        self._imperfections = imperfections
        seed = [imperfections.seed, zlib.crc32(name.encode())]
        # Within a third of the limits with overwhelming odds, within them always.
        spread = np.random.default_rng([*seed, 1]).normal(0.0, 1.0 / 3.0, 2)
        self._gain, self._offset = (float(v) for v in np.clip(spread, -1.0, 1.0))
        self._noise = np.random.default_rng([*seed, 2])

    def convert(self, value: float, accuracy: Accuracy, aperture: float) -> float:
        """The reading for a value that was averaged over `aperture` seconds."""
        how = self._imperfections
        if how.calibration:
            value += value * accuracy.gain * self._gain + accuracy.offset * self._offset
        if how.noise and aperture > 0.0:
            value += float(self._noise.normal()) * accuracy.noise_over(aperture)
        if how.quantization and accuracy.step > 0.0:
            value = round(value / accuracy.step) * accuracy.step
        return value
