"""Digitizer models: converters and their accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.base.models import Model
from device_sim.bench import Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeModel(Model):
    """A digitizer model."""

    bits: int
    """Bits of the converter."""

    rate: float
    """Highest real-time rate, in samples per second."""

    gain: float
    """Largest deviation in proportion to the value."""

    offset: float
    """Largest constant deviation, in proportion to the range."""

    noise: float
    """Standard deviation of a sample, in proportion to the range."""

    bandwidth: float
    """Frequency at which the input has lost 3 dB, in hertz."""

    capacitance: float
    """Of the input, in farads."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        gain, offset = row["accuracy"]
        return {
            "bits": row["defaults"]["resolution"],
            "rate": row["defaults"]["max_real_time_sampling_rate"],
            "gain": gain,
            "offset": offset,
            "noise": row["noise"],
            "bandwidth": row["bandwidth"],
            "capacitance": row["capacitance"],
        }

    def step(self, vertical_range: float) -> float:
        """Return the volts between two codes of the converter."""
        return vertical_range / float(2**self.bits)

    def accuracy(self, vertical_range: float) -> Accuracy:
        """Return the accuracy of each sample."""
        return Accuracy(
            self.gain,
            self.offset * vertical_range,
            self.noise * vertical_range,
            self.step(vertical_range),
        )
