"""The models of NI-DMM, from `models.toml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nidmm.enums import Function

from device_sim.base.models import Model
from device_sim.bench import Accuracy


def resolution(range_: float, digits: float) -> float:
    """Return the absolute resolution of a range at a number of digits, as NI-DMM reports it."""
    return float(range_ / (2.0 * 10.0 ** math.floor(digits)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DmmModel(Model):
    """A digital multimeter."""

    ranges: Mapping[int, tuple[float, ...]]
    """Ranges by function, ascending."""

    accuracies: Mapping[int, tuple[float, float]]
    """Parts per million of reading and of range, by function."""

    apertures: Mapping[float, float]
    """Apertures in seconds, by digits."""

    noise: float
    """Noise: parts per million of the range, standard deviation at an aperture of one second."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        accuracy = row["accuracy"].items()
        return {
            "ranges": {Function[name].value: tuple(rows) for name, rows in row["ranges"].items()},
            "accuracies": {Function[name].value: (a, b) for name, (a, b) in accuracy},
            "apertures": {float(digits): t for digits, t in row["apertures"].items()},
            "noise": row["noise"],
        }

    def accuracy(self, function: int, range_: float, digits: float) -> Accuracy:
        """Return the accuracy of a function in a range."""
        reading, full = self.accuracies.get(function, (0.0, 0.0))
        step = resolution(range_, digits)
        return Accuracy(reading * 1e-6, full * 1e-6 * range_, self.noise * 1e-6 * range_, step)
