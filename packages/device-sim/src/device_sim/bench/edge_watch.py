"""A terminal that is wired to a net: the voltage of the net makes its edges."""

from __future__ import annotations

import math
from functools import partial

from device_sim.bench.bus import TriggerBus
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid
from device_sim.bench.observer import Observer
from device_sim.bench.search import Condition, Search
from device_sim.errors import DeviceSimError
from device_sim.nets import HIGH_FROM, LOW_TO

_POINTS = 256  # Points in which a search looks at a time without waves.
_EDGES = {
    True: Condition(lambda v: v <= LOW_TO, lambda v: v >= HIGH_FROM),
    False: Condition(lambda v: v >= HIGH_FROM, lambda v: v <= LOW_TO),
}


class EdgeWatch:
    """The logic input of a wired terminal, as a script on the timeline.

    It looks at the net only while an activity waits for an edge.

    Args:
        terminal: The terminal.
        bus: The bus to which the edges go.
        observer: Reads the bench.
    """

    def __init__(self, terminal: str, bus: TriggerBus, observer: Observer) -> None:
        self._terminal, self._bus, self._observer = terminal, bus, observer
        self._seen = -math.inf
        self._until = -math.inf
        self._searches: dict[bool, Search] = {}

    @property
    def is_looking(self) -> bool:
        """Return whether an activity waits for an edge."""
        return self._bus.waiting_since(self._terminal) is not None

    def due(self) -> float:
        """Return the next moment that it has not seen, which comes before all other parts."""
        since = self._bus.waiting_since(self._terminal)
        return math.inf if since is None else math.nextafter(max(self._seen, since), math.inf)

    def run(self, until: float, now: float) -> None:
        """Look at the net up to a time, or to its first edge."""
        since = self._bus.waiting_since(self._terminal)
        assert since is not None
        if since > self._seen:  # It has not looked for a while.
            self._seen, self._searches = since, {}
        self._until = until
        fastest = self._observer.fastest(self._terminal)
        spacing = min(fastest, (until - self._seen) / _POINTS) or math.inf
        found: list[tuple[float, bool]] = []
        for rising, condition in _EDGES.items():
            search = self._searches.setdefault(rising, self._search(condition))
            search.spacing = spacing
            at = search.find(self._seen, until)
            if at is not None:
                found.append((at, rising))
        self._seen = until
        if found:
            self._seen, rising = min(found)
            self._searches = {}
            self._bus.deliver(self._terminal, self._seen, rising=rising)

    def _search(self, condition: Condition) -> Search:
        def volts(grid: Grid) -> Vector:
            return self._observer.samples(self._terminal, grid).voltages

        changes = partial(self._observer.changes, self._terminal)
        return Search(volts, changes, condition, math.inf)

    def fail(self, error: DeviceSimError) -> None:
        """Look again later. Who measures such a bench gets the error."""
        self._seen = self._until
