"""The models of NI-DCPower, from `models.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.base.models import Model, next_up
from device_sim.bench import Accuracy


@dataclass(frozen=True, slots=True)
class Range:
    """One range of a quantity."""

    limit: float
    """The largest absolute value, in volts or amperes."""

    accuracy: Accuracy
    """The accuracy of its measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmuModel(Model):
    """A source-measure unit, power supply or electronic load."""

    ranges: Mapping[str, tuple[Range, ...]]
    """The ranges of `voltage` and of `current`, ascending."""

    envelope: tuple[tuple[float, float], ...]
    """Corners of the operating area: up to so many volts, so many amperes."""

    lcr_frequencies: tuple[float, float]
    """Smallest and largest frequency of LCR measurements, in hertz."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class, and the limits of the ranges as steps."""
        bits = content["resolution_bits"]
        ranges = {
            quantity: tuple(
                Range(limit, Accuracy(gain, offset, noise, limit / 2**bits))
                for limit, gain, offset, noise in row[quantity]
            )
            for quantity in ("voltage", "current")
        }
        return {
            "ranges": ranges,
            "steps": {name: tuple(r.limit for r in found) for name, found in ranges.items()},
            "envelope": tuple((volts, amperes) for volts, amperes in row["envelope"]),
            "lcr_frequencies": tuple(row.get("lcr_frequencies", (0.0, 0.0))),
        }

    @property
    def sinks(self) -> bool:
        """Return whether positive currents flow into the instrument."""
        return "eload" in self.features

    def range_for(self, quantity: str, value: float) -> Range | None:
        """Return the smallest range that holds a value, None if none does."""
        limit = next_up(self.steps[quantity], value)
        return next((r for r in self.ranges[quantity] if r.limit == limit), None)
