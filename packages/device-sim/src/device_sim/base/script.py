"""The activity of an instrument as scripts: generators that wait for times and triggers.

A script yields what it waits for, and is sent the time at which that came. So each of its parts has
its own time, even if it is computed later.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from device_sim.errors import DeviceSimError

Waiting: TypeAlias = "float | Enum"
"""A time, or a trigger."""

Script: TypeAlias = "Generator[Waiting, float, None]"


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    script: Script
    waiting: Waiting
    since: float


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
        self.signal: Callable[[str, float], bool] = lambda signal, at: False
        """Put a signal of the instrument onto its terminals; return whether others must run now."""
        self.is_looking = False
        self._gives_way = False
        self._scripts: list[_Entry] = []
        self._sent: defaultdict[Enum, deque[float]] = defaultdict(deque)
        self._failure: DeviceSimError | None = None

    # Methods for the timeline.

    def due(self) -> float:
        """Return the time of the next part; infinity after the end or before a trigger."""
        if self.is_paused():
            return math.inf
        return min((self._due(entry.waiting) for entry in self._scripts), default=math.inf)

    def run(self, until: float, now: float) -> None:
        """Run all parts due at or before `until`, or up to a signal that others wait for."""
        self.until, self.now = until, now
        self._gives_way = False
        while not self._gives_way and (due := self.due()) <= until:
            entry = min(self._scripts, key=lambda each: self._due(each.waiting))
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
            self._scripts.append(_Entry(script, waiting, self.now))

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
        if any(entry.waiting is trigger for entry in self._scripts):
            self._sent[trigger].append(at)

    def waits_since(self, trigger: Enum) -> float | None:
        """Return since when a script waits for a trigger, None if none waits for it now."""
        times = [entry.since for entry in self._scripts if entry.waiting is trigger]
        return None if self._sent[trigger] else min(times, default=None)

    # Methods for the scripts.

    def emit(self, signal: str, at: float) -> None:
        """Put a signal onto the terminals of the instrument."""
        self._gives_way |= self.signal(signal, at)

    def _due(self, waiting: Waiting) -> float:
        if isinstance(waiting, Enum):
            return self._sent[waiting][0] if self._sent[waiting] else math.inf
        return waiting

    def _resume(self, entry: _Entry, at: float) -> None:
        if isinstance(entry.waiting, Enum):
            self._sent[entry.waiting].popleft()
        with contextlib.suppress(StopIteration):
            self._scripts.append(_Entry(entry.script, entry.script.send(at), at))
