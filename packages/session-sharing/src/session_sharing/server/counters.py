"""Count the calls, errors and events of a server, and read its gauges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from session_sharing.core.events import EventType, SessionEvent


class Counters:
    """Sums, which only grow, and gauges, which are read on demand. Counting is cheap."""

    def __init__(self) -> None:
        known = ["calls", "call_seconds", "errors", *map(_sum_of, EventType)]
        self.sums: defaultdict[str, float] = defaultdict(float, dict.fromkeys(known, 0.0))
        """Add to them directly: ``counters.sums["calls"] += 1``."""
        self._sums_elsewhere: dict[str, Callable[[], float]] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def sum(self, name: str, read: Callable[[], float]) -> None:
        """Add a sum that is kept elsewhere, and read together with the others."""
        self._sums_elsewhere[name] = read

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Add a number that is read together with the sums."""
        self._gauges[name] = read

    def count_event(self, event: SessionEvent) -> None:
        """Count a session event in the sum of its type."""
        self.sums[_sum_of(event.type)] += 1

    def read_sums(self) -> Mapping[str, float]:
        """Return all sums by name."""
        return {**self.sums, **{name: read() for name, read in self._sums_elsewhere.items()}}

    def read_gauges(self) -> Mapping[str, float]:
        """Return all gauges by name."""
        return {name: read() for name, read in self._gauges.items()}

    def read(self) -> Mapping[str, float]:
        """Return all sums and gauges by name."""
        return {**self.read_sums(), **self.read_gauges()}


def _sum_of(kind: EventType) -> str:
    return f"sessions_{kind.name.lower()}"
