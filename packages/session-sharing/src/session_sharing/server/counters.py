"""Count the calls, errors and events of a server, and read its gauges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from session_sharing.core.events import SessionEvent


class Counters:
    """Sums, which only grow, and gauges, which are read on demand. Counting is cheap."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        """Add to them directly: ``counters.sums["calls"] += 1``."""
        self._gauges: dict[str, Callable[[], float]] = {}

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Add a number that is read together with the sums."""
        self._gauges[name] = read

    def count_event(self, event: SessionEvent) -> None:
        """Count a session event in the sum of its type."""
        self.sums[f"sessions_{event.type.name.lower()}"] += 1

    def read(self) -> Mapping[str, float]:
        """Return all sums and gauges by name."""
        return {**self.sums, **{name: read() for name, read in self._gauges.items()}}
