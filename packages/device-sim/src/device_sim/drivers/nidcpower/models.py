"""The models of NI-DCPower, from `models.toml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from device_sim.base.attributes import AttributeTable, Value
from device_sim.base.models import ModelCatalog
from device_sim.bench import Accuracy
from device_sim.toml import read_data


@dataclass(frozen=True, slots=True)
class Range:
    """One range of a quantity."""

    limit: float
    """The largest absolute value, in volts or amperes."""

    accuracy: Accuracy
    """The accuracy of its measurements."""


@dataclass(frozen=True, slots=True)
class SmuModel:
    """A source-measure unit, power supply or electronic load."""

    number: str
    """For example `4141`."""

    board: str
    """`PXIe` or `PXI`."""

    channels: int
    """Number of channels."""

    voltage: tuple[Range, ...]
    """Voltage ranges, ascending."""

    current: tuple[Range, ...]
    """Current ranges, ascending."""

    envelope: tuple[tuple[float, float], ...]
    """Corners of the operating area: up to so many volts, so many amperes."""

    features: frozenset[str]
    """Names of `features` in attributes.toml."""

    defaults: Mapping[str, Value]
    """The model's own attribute values after a reset."""

    unverified: str
    """The figures that no public document gives."""

    lacks: frozenset[str]
    """Names of attributes that the model does not have."""

    lcr_frequencies: tuple[float, float] = (0.0, 0.0)
    """Smallest and largest frequency of LCR measurements, in hertz."""

    @property
    def sinks(self) -> bool:
        """Return whether positive currents flow into the instrument."""
        return "eload" in self.features

    def ranges(self, quantity: str) -> tuple[Range, ...]:
        """Return the ranges of `voltage` or `current`."""
        return self.voltage if quantity == "voltage" else self.current

    def range_for(self, quantity: str, value: float) -> Range | None:
        """Return the smallest range that holds a value, None if none does."""
        fitting = (r for r in self.ranges(quantity) if abs(value) <= r.limit * (1 + 1e-12))
        return next(fitting, None)


def load_models(
    table: AttributeTable, features: Mapping[str, Sequence[str]]
) -> ModelCatalog[SmuModel]:
    """Read the models.

    Args:
        table: The driver's attributes. They translate the enum names in the models' defaults.
        features: For each feature, patterns of the attributes that only models with it have.
    """
    content = read_data(__package__, "models.toml")
    models: dict[str, SmuModel] = {}
    resolved: dict[str, dict[str, Any]] = {}
    for number, data in content["models"].items():
        resolved[number] = {**resolved.get(data.get("like", ""), {}), **data}
        lacks = _without(frozenset(resolved[number]["features"]), table, features)
        models[number] = _model(number, resolved[number], content["resolution_bits"], table, lacks)
    return ModelCatalog(models, content["default"])


def _without(
    present: frozenset[str], table: AttributeTable, features: Mapping[str, Sequence[str]]
) -> frozenset[str]:
    """Return the names of the attributes of all features that the model lacks."""
    absent = [
        p for feature, patterns in features.items() if feature not in present for p in patterns
    ]
    return frozenset(a.name for a in table if any(fnmatchcase(a.name, p) for p in absent))


def _model(
    number: str,
    data: Mapping[str, Any],
    bits: int,
    table: AttributeTable,
    lacks: frozenset[str],
) -> SmuModel:
    def ranges(rows: list[list[float]]) -> tuple[Range, ...]:
        return tuple(
            Range(limit, Accuracy(gain, offset, noise, limit / 2**bits))
            for limit, gain, offset, noise in rows
        )

    return SmuModel(
        number=number,
        board=data["board"],
        channels=data["channels"],
        voltage=ranges(data["voltage"]),
        current=ranges(data["current"]),
        envelope=tuple((volts, amperes) for volts, amperes in data["envelope"]),
        features=frozenset(data["features"]),
        defaults={name: table[name].parse(v) for name, v in data.get("defaults", {}).items()},
        unverified=data["unverified"],
        lacks=lacks,
        lcr_frequencies=tuple(data.get("lcr_frequencies", (0.0, 0.0))),
    )
