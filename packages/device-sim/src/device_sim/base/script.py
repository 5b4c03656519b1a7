"""The activity of an instrument as scripts: generators that wait for times and triggers.

A script yields what it waits for, and is sent the time at which that came. So each of its parts has
its own time, even if it is computed later.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict, deque
from collections.abc import Generator
from enum import Enum
from typing import TypeAlias

from device_sim.errors import DeviceSimError

Waiting: TypeAlias = "float | Enum"
"""A time, or a trigger."""

Script: TypeAlias = "Generator[Waiting, float, None]"


class Activity:
    """Scripts that run on the server's timeline, from initiate to abort.

    Args:
        start: Time of initiate.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        """The present of the call that runs the scripts."""
        self.until = start
        """The time up to which they run. A script may do all its parts up to here together."""
        self._scripts: list[tuple[Script, Waiting]] = []
        self._sent: defaultdict[Enum, deque[float]] = defaultdict(deque)
        self._failure: DeviceSimError | None = None

    # Methods for the timeline.

    def due(self) -> float:
        """Return the time of the next part; infinity after the end or before a trigger."""
        if self.is_paused():
            return math.inf
        return min((self._due(waiting) for _, waiting in self._scripts), default=math.inf)

    def run(self, until: float, now: float) -> None:
        """Run all parts due at or before `until`."""
        self.until, self.now = until, now
        while (due := self.due()) <= until:
            entry = min(self._scripts, key=lambda each: self._due(each[1]))
            self._scripts.remove(entry)
            self._resume(entry, due)

    def fail(self, error: DeviceSimError) -> None:
        """Stop. The caller that asks for results gets the error."""
        self._failure = error
        self.stop()

    # Methods for the instrument.

    def begin(self, script: Script) -> None:
        """Add a script and run it up to its first wait."""
        waiting = next(script, None)
        if waiting is not None:
            self._scripts.append((script, waiting))

    def stop(self) -> None:
        """Drop all scripts."""
        self._scripts.clear()

    def is_paused(self) -> bool:
        """Return whether the scripts wait until a client takes results."""
        return False

    @property
    def finished(self) -> bool:
        """Return whether all scripts have ended, so that even a trigger has no effect."""
        return not self._scripts

    def check(self) -> None:
        """Raise the error that ended the scripts, if one did."""
        if self._failure is not None:
            raise self._failure

    def send(self, trigger: Enum, at: float) -> None:
        """Deliver a trigger. It is lost if no script waits for it."""
        if any(waiting is trigger for _, waiting in self._scripts):
            self._sent[trigger].append(at)

    def _due(self, waiting: Waiting) -> float:
        if isinstance(waiting, Enum):
            return self._sent[waiting][0] if self._sent[waiting] else math.inf
        return waiting

    def _resume(self, entry: tuple[Script, Waiting], at: float) -> None:
        script, waiting = entry
        if isinstance(waiting, Enum):
            self._sent[waiting].popleft()
        with contextlib.suppress(StopIteration):
            self._scripts.append((script, script.send(at)))
