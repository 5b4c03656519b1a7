"""Turn exact values into the readings of a converter: gain, offset, noise and steps."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from device_sim.bench.equations import Vector
from device_sim.bench.parts import Imperfections


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The accuracy of one quantity in one range."""

    gain: float
    """Largest deviation in proportion to the value."""

    offset: float
    """Largest constant deviation, in the quantity's unit."""

    noise: float
    """Standard deviation at an aperture of one second, in the quantity's unit."""

    step: float
    """Smallest difference between two readings, in the quantity's unit."""

    def limit_of_error(self, value: float, aperture: float, sigmas: float = 5.0) -> float:
        """Return the largest deviation of a reading, in the quantity's unit.

        Args:
            value: The true value.
            aperture: Seconds over which the reading averages, above 0.
            sigmas: Standard deviations of noise. One reading in two million exceeds five.
        """
        noise = sigmas * self.noise_over(aperture)
        return self.gain * abs(value) + self.offset + noise + self.step / 2.0

    def noise_over(self, aperture: float) -> float:
        """Return the standard deviation at an aperture in seconds, above 0.

        White noise averages out: its variance is in inverse proportion to the aperture.
        """
        return float(self.noise / aperture**0.5)


class Converter:
    """The analogue-to-digital converter of one channel and quantity.

    Gain and offset are drawn only once, from the seed and the channel's name. So they stay the same
    from run to run and do not depend on other channels. The noise of a channel is one sequence from
    the same seed.

    Args:
        name: The channel and quantity.
        imperfections: The deviations to simulate.
    """

    def __init__(self, name: str, imperfections: Imperfections) -> None:
        self._imperfections = imperfections
        seed = [imperfections.seed, zlib.crc32(name.encode())]
        # Nearly always within a third of the limits, and always within the limits.
        spread = np.random.default_rng([*seed, 1]).normal(0.0, 1.0 / 3.0, 2)
        self._gain, self._offset = (float(v) for v in np.clip(spread, -1.0, 1.0))
        self._noise = np.random.default_rng([*seed, 2])

    def convert_all(self, values: Vector, accuracy: Accuracy) -> Vector:
        """Return the readings for many values. The accuracy's noise is that of each reading."""
        how = self._imperfections
        if how.calibration:
            values = values * (1.0 + accuracy.gain * self._gain) + accuracy.offset * self._offset
        if how.noise and accuracy.noise > 0.0:
            values = values + self._noise.normal(0.0, accuracy.noise, len(values))
        if how.quantization and accuracy.step > 0.0:
            values = np.rint(values / accuracy.step) * accuracy.step
        return values

    def convert(self, value: float, accuracy: Accuracy, aperture: float) -> float:
        """Return the reading for a value that was averaged over `aperture` seconds."""
        how = self._imperfections
        if how.calibration:
            value += value * accuracy.gain * self._gain + accuracy.offset * self._offset
        if how.noise and aperture > 0.0:
            value += float(self._noise.normal()) * accuracy.noise_over(aperture)
        if how.quantization and accuracy.step > 0.0:
            value = round(value / accuracy.step) * accuracy.step
        return value
