"""The models of NI-DMM, from `models.toml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nidmm.enums import Function

from device_sim.base.models import ModelCatalog
from device_sim.bench import Accuracy
from device_sim.toml import read_data


def resolution(range_: float, digits: float) -> float:
    """Return the absolute resolution of a range at a number of digits, as NI-DMM reports it."""
    return float(range_ / (2.0 * 10.0 ** math.floor(digits)))


@dataclass(frozen=True, slots=True)
class DmmModel:
    """A digital multimeter."""

    number: str
    """For example `4081`."""

    board: str
    """`PXIe` or `PXI`."""

    largest_digits: float
    """The finest resolution, 6.5 or 7.5."""

    self_calibrates: bool
    """True if it has a self-calibration."""

    calibrated: bool
    """True if NI's simulation reports calibration dates and temperatures for it."""

    ranges: Mapping[int, tuple[float, ...]]
    """Ranges by function, ascending."""

    accuracies: Mapping[int, tuple[float, float]]
    """Parts per million of reading and of range, by function."""

    apertures: Mapping[float, float]
    """Apertures in seconds, by digits."""

    noise: float
    """Noise: parts per million of the range, standard deviation at an aperture of one second."""

    product_id: int
    """The PCI product id; 0 if no public document gives it."""

    unverified: str
    """The figures that no public document gives."""

    channels: int = 1
    """A multimeter has one channel."""

    lacks: frozenset[str] = frozenset()
    """Every multimeter has all attributes. Its ranges decide which of them it measures."""

    def range_for(self, function: int, value: float) -> float | None:
        """Return the smallest range of a function that holds a value, None if none does."""
        fitting = (r for r in self.ranges[function] if abs(value) <= r * (1 + 1e-12))
        return next(fitting, None)

    def accuracy(self, function: int, range_: float, digits: float) -> Accuracy:
        """Return the accuracy of a function in a range."""
        reading, full = self.accuracies.get(function, (0.0, 0.0))
        step = resolution(range_, digits)
        return Accuracy(reading * 1e-6, full * 1e-6 * range_, self.noise * 1e-6 * range_, step)


def load_models() -> ModelCatalog[DmmModel]:
    """Read the models."""
    content = read_data(__package__, "models.toml")
    resolved: dict[str, dict[str, Any]] = {}
    for number, data in content["models"].items():
        base = resolved.get(data.get("like", ""), {})
        ranges = dict(data.get("ranges", base.get("ranges", {})))
        shared = resolved.get(ranges.pop("like", ""), {}).get("ranges", {})
        resolved[number] = {**base, **data, "ranges": {**shared, **ranges}}
    models = {number: _model(number, data) for number, data in resolved.items()}
    return ModelCatalog(models, content["default"])


def _model(number: str, data: Mapping[str, Any]) -> DmmModel:
    return DmmModel(
        number=number,
        board=data["board"],
        largest_digits=data["largest_digits"],
        self_calibrates=data["self_calibrates"],
        calibrated=data["calibrated"],
        ranges={Function[name].value: tuple(rows) for name, rows in data["ranges"].items()},
        accuracies={Function[name].value: (a, b) for name, (a, b) in data["accuracy"].items()},
        apertures={float(digits): seconds for digits, seconds in data["apertures"].items()},
        noise=data["noise"],
        product_id=data["product_id"],
        unverified=data["unverified"],
    )
