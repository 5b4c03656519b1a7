"""Changes of the bench that come at a time: a fault that begins later, or ends."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from device_sim.errors import DeviceSimError

_SHORTEST = 1e-3  # Seconds of a step of a drift,
_GROWTH = 0.01  # or this part of the time since the drift began.


@dataclass(order=True, slots=True)
class _Change:
    at: float
    number: int
    owner: str = field(compare=False)
    action: Callable[[float], None] = field(compare=False)


class Schedule:
    """Changes on the timeline, each at its exact time."""

    is_looking = False

    def __init__(self) -> None:
        self._changes: list[_Change] = []
        self._count = 0

    def add(self, at: float, owner: str, action: Callable[[float], None]) -> None:
        """Call `action` with the time at a time; never, if that is infinity."""
        if at < math.inf:
            self._count += 1
            heapq.heappush(self._changes, _Change(at, self._count, owner, action))

    def begin(self, owner: str, now: float, at: float, action: Callable[[float], None]) -> None:
        """Call `action` at a time, at once if that is now."""
        if at <= now:
            action(now)
        else:
            self.add(at, owner, action)

    def cancel(self, owner: str) -> None:
        """Forget the changes of an owner."""
        self._changes = [each for each in self._changes if each.owner != owner]
        heapq.heapify(self._changes)

    def due(self) -> float:
        """Return the time of the next change; infinity if none comes."""
        return self._changes[0].at if self._changes else math.inf

    def run(self, until: float, now: float) -> None:
        """Make the next change."""
        change = heapq.heappop(self._changes)
        change.action(change.at)

    def fail(self, error: DeviceSimError) -> None:
        """Go on with the next change. Who measures such a bench gets the error."""


class DriftSteps:
    """Lets the states of a circuit follow parts that drift, in small steps on the timeline.

    The steps do not depend on the times at which anybody measures. So all see one history.

    Args:
        oldest: Return the begin of the oldest drift of a part whose circuit has states; None
            without one.
        step: Begin a stretch of time with the present values of the parts.
    """

    is_looking = False

    def __init__(self, oldest: Callable[[], float | None], step: Callable[[float], None]) -> None:
        self._oldest = oldest
        self._step = step
        self._last = -math.inf

    def due(self) -> float:
        """Return the time of the next step; infinity if nothing drifts."""
        since = self._oldest()
        if since is None:
            return math.inf
        last = max(self._last, since)
        return last + max(_SHORTEST, (last - since) * _GROWTH)

    def run(self, until: float, now: float) -> None:
        """Take the next step."""
        self._last = self.due()
        self._step(self._last)

    def fail(self, error: DeviceSimError) -> None:
        """Go on. Who measures such a bench gets the error."""
