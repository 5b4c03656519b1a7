"""A terminal that is wired to a net: the voltage of the net makes its edges."""

from __future__ import annotations

import math

from device_sim.bench.bus import TriggerBus
from device_sim.bench.logic import LogicLevel
from device_sim.bench.observer import Observer
from device_sim.nets import HIGH_FROM, LOW_TO


class EdgeWatch:
    """The logic input of a wired terminal, as a follower of its net.

    It follows the net only while an activity waits for an edge.

    Args:
        terminal: The terminal.
        bus: The bus to which the edges go.
        observer: Reads the bench.
    """

    def __init__(self, terminal: str, bus: TriggerBus, observer: Observer) -> None:
        self._terminal, self._bus, self._observer = terminal, bus, observer
        self._level = self._unknown_level()
        self._seen = -math.inf

    def follows_since(self) -> float:
        """Return since when an activity waits for an edge; infinity if none does."""
        since = self._bus.waiting_since(self._terminal)
        return math.inf if since is None else since

    def look(self, begin: float, end: float) -> float:
        """Return the moment of the first edge in a time."""
        since = self.follows_since()
        if since > self._seen:  # It has not looked for a while.
            self._level = self._unknown_level()
        change = self._level.next_change(max(begin, since), end)
        return end if change is None else change.at

    def act(self, at: float) -> None:
        """Deliver the edge of a moment, if there is one. The first level is none."""
        was_known = self._level.is_high is not None
        self._seen = at
        if self._level.take(at) and was_known:
            self._bus.deliver(self._terminal, at, rising=bool(self._level.is_high))

    def _unknown_level(self) -> LogicLevel:
        return LogicLevel(self._observer, self._terminal, LOW_TO, HIGH_FROM)
