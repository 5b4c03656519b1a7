"""What follows the voltages of nets all of the time, as one script on the timeline.

Relays, wired terminals and devices follow their nets through all of the time. So they act at the
same moments, whoever looks at the bench, and however seldom. They are one script, because what one
of them does may concern the others: together they go on to the next moment at which something
happens to any of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from device_sim.errors import DeviceSimError


class Follower(Protocol):
    """One that follows nets."""

    def follows_since(self) -> float:
        """Return since when it follows its nets; infinity while it does not."""
        ...

    def look(self, begin: float, end: float) -> float:
        """Return the first moment of a time at which it acts; `end` if there is none.

        It may also return a moment at which it does not act, to look on from there.
        """
        ...

    def act(self, at: float) -> None:
        """Do what it does at a moment, if it does anything then. `look` was called before."""
        ...


class Followers:
    """Followers on the timeline.

    Args:
        followers: The followers. At equal times, they act in this order.
        begin: The time from which on they follow their nets.
    """

    def __init__(self, followers: Sequence[Follower], begin: float) -> None:
        self._followers = followers
        self._seen = begin
        """The time up to which they have followed their nets."""
        self._until = begin

    @property
    def is_looking(self) -> bool:
        """Return whether one of them follows its nets now."""
        return math.isfinite(self.due())

    def due(self) -> float:
        """Return the next moment that they have not seen, which comes before all other parts."""
        since = min((each.follows_since() for each in self._followers), default=math.inf)
        return math.nextafter(max(self._seen, since), math.inf)

    def run(self, until: float, now: float) -> None:
        """Follow the nets up to a time, or to the first moment at which something happens."""
        self._until = until
        seen = self._seen
        following = [each for each in self._followers if each.follows_since() < until]
        # Each looks as far as it may, and remembers what it saw for the next time.
        self._seen = end = min((each.look(seen, until) for each in following), default=until)
        for each in following:
            if each.follows_since() <= end:
                each.act(end)

    def fail(self, error: DeviceSimError) -> None:
        """Look again later. Who measures such a bench gets the error."""
        self._seen = self._until
