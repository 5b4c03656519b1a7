"""The time sets of a session."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from device_sim.drivers.nidigital.levels import Edges, TimeSet
from device_sim.errors import INVALID_VALUE, DriverError

_MOST = 31
"""The time sets that the vectors of a pattern can name."""

_LONGEST = 1.0  # Seconds from the begin of a cycle to an edge.


class TimeSets:
    """The time sets of a session by name, in the order of their creation.

    Args:
        periods: Smallest and largest period, in seconds.
    """

    def __init__(self, periods: Sequence[float]) -> None:
        self._shortest, self._longest = periods
        self.by_name: dict[str, TimeSet] = {}

    def create(self, name: str, period: float = 1e-6) -> None:
        """Add a time set.

        Raises:
            DriverError: Its name is empty or used, its period is not allowed, or it is too many.
        """
        if not name.strip() or name in self.by_name:
            raise DriverError(INVALID_VALUE, f"Time set: {name!r} is empty, or there is one.")
        if len(self.by_name) >= _MOST:
            raise DriverError(INVALID_VALUE, f"A session has {_MOST} time sets at the most.")
        self.by_name[name] = TimeSet(name, self._check_period(period))

    def clear(self) -> None:
        """Remove all."""
        self.by_name.clear()

    def get(self, name: str) -> TimeSet:
        """Return a time set.

        Raises:
            DriverError: There is none with this name.
        """
        if name not in self.by_name:
            known = ", ".join(self.by_name) or "none"
            raise DriverError(INVALID_VALUE, f"Time set: {name}\nTime sets: {known}")
        return self.by_name[name]

    def name_of(self, index: int) -> str:
        """Return the name of the time set with an index, counted from 0.

        Raises:
            DriverError: There is none.
        """
        if not 0 <= index < len(self.by_name):
            raise DriverError(INVALID_VALUE, f"Time set index: {index}")
        return list(self.by_name)[index]

    def set_period(self, name: str, period: float) -> None:
        """Set the period of a time set, in seconds.

        Raises:
            DriverError: There is no such time set, or the instrument has no such period.
        """
        self.by_name[name] = replace(self.get(name), period=self._check_period(period))

    def set_edges(self, name: str, channels: Iterable[str], **values: Any) -> None:
        """Set some edges of channels.

        Args:
            name: The time set.
            channels: The qualified names of the channels.
            **values: Fields of Edges.

        Raises:
            DriverError: There is no such time set, or a value is not allowed.
        """
        time_set = self.get(name)
        edges = {each: replace(time_set.of(each), **values) for each in channels}
        for each in edges.values():
            _check(each)
        self.by_name[name] = replace(time_set, edges={**time_set.edges, **edges})

    def replace_edges(self, name: str, channels: Iterable[str], edges: Edges) -> None:
        """Set all edges of channels; arguments and errors are those of `set_edges`."""
        _check(edges)
        time_set = self.get(name)
        new = {**time_set.edges, **dict.fromkeys(channels, edges)}
        self.by_name[name] = replace(time_set, edges=new)

    def _check_period(self, period: float) -> float:
        if math.isnan(period) or not self._shortest <= period <= self._longest:
            raise DriverError(
                INVALID_VALUE,
                f"Period: {period} s\nAllowed: {self._shortest} s to {self._longest} s",
            )
        return period


def _check(edges: Edges) -> None:
    """Raise DriverError if an edge cannot be at its time."""
    for field in fields(Edges):
        value = getattr(edges, field.name)
        if isinstance(value, float) and not 0.0 <= value <= _LONGEST:
            raise DriverError(INVALID_VALUE, f"Edge: {field.name}\nRequested Value: {value}")
    if edges.multiplier not in (1, 2):
        raise DriverError(INVALID_VALUE, f"Edge multiplier: {edges.multiplier}")
