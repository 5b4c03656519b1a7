"""The models of NI-Digital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_sim.base.models import Model
from device_sim.bench import Accuracy

_VOLTS = 8.0
"""The span of the PPMU's voltages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalModel(Model):
    """A digital pattern instrument."""

    period: Sequence[float]
    """Smallest and largest period of a time set, in seconds."""

    ppmu: Mapping[str, Sequence[float]]
    """Gain error, offset error and noise of the PPMU, by quantity."""

    ppmu_bits: int
    """Bits of the converter of the PPMU."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        return {
            "period": row["period"],
            "ppmu": row["ppmu"],
            "ppmu_bits": content["ppmu_bits"],
        }

    def accuracy(self, quantity: str, current_range: float) -> Accuracy:
        """Return the accuracy of readings of the PPMU.

        Args:
            quantity: `voltage` or `current`.
            current_range: The range of the current, in amperes.
        """
        gain, offset, noise = self.ppmu[quantity]
        span = _VOLTS if quantity == "voltage" else current_range
        scale = 1.0 if quantity == "voltage" else current_range
        return Accuracy(gain, offset * scale, noise * scale, span / 2.0**self.ppmu_bits)
