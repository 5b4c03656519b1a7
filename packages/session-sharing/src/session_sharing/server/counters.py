"""What a server has done so far, and what it holds now, as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from session_sharing.core.events import SessionEvent


class Counters:
    """Sums that grow and gauges that are read when asked for. Cheap enough for every call."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        """Add to them directly: ``counters.sums["calls"] += 1``."""
        self._gauges: dict[str, Callable[[], float]] = {}

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Have a number read whenever the counters are."""
        self._gauges[name] = read

    def count_event(self, event: SessionEvent) -> None:
        """Count what happens to sessions, a sum for each type of event."""
        self.sums[f"sessions_{event.type.name.lower()}"] += 1

    def read(self) -> Mapping[str, float]:
        """Give all of them by name."""
        return {**self.sums, **{name: read() for name, read in self._gauges.items()}}
