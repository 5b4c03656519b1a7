"""The models of NI-Digital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_sim.base.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalModel(Model):
    """A digital pattern instrument."""

    period: Sequence[float]
    """Smallest and largest period of a time set, in seconds."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        return {"period": row["period"]}
