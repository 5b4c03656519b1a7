"""Keep one order of time for all instruments of a server.

The activity of an instrument (steps of a sequence, samples of a record) is a script. Scripts run
when a call comes, each part with its own time. All scripts run in the order of time, whichever
instrument is called, and before anything changes. So each measurement sees the bench and the
settings of its own time.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from device_sim.errors import DeviceSimError

LOOK = 1e-3
"""Seconds after which a script that looks at the bench all the time gets a turn at the latest."""


class Script(Protocol):
    """The activity of an instrument over time."""

    @property
    def is_looking(self) -> bool:
        """Whether it looks at the bench all the time: it is always due, and finds what comes."""
        ...

    def due(self) -> float:
        """Return the time of its next part; infinity if none comes by itself."""
        ...

    def run(self, until: float, now: float) -> None:
        """Run parts due at or before `until`, at least the next one. `now` is the present.

        After a part that may concern other scripts at once, it must return, so that they run first.

        Raises:
            DeviceSimError: A part failed.
        """
        ...

    def fail(self, error: DeviceSimError) -> None:
        """Keep the error of `run` for the caller that asks for results. No part is due any more."""
        ...


class Timeline:
    """The running scripts of a server."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held to run scripts or to change their surroundings. Sessions and bench share it."""
        self.now = -math.inf
        """The time up to which all scripts have run."""
        self._scripts: list[Script] = []
        self._sleepers: list[threading.Condition] = []

    def add(self, script: Script) -> None:
        """Run a script from now on."""
        with self.lock:
            self._scripts.append(script)

    def discard(self, script: Script | None) -> None:
        """Stop a script, if it runs."""
        with self.lock:
            self._scripts = [each for each in self._scripts if each is not script]

    @contextmanager
    def waking(self, condition: threading.Condition) -> Iterator[None]:
        """Let `wake` notify a condition of the lock."""
        self._sleepers.append(condition)
        try:
            yield
        finally:
            self._sleepers.remove(condition)

    def wake(self) -> None:
        """Let the calls look again that wait for an edge: a call may have changed the scripts."""
        with self.lock:
            for condition in self._sleepers:
                condition.notify_all()

    def has(self, script: Script) -> bool:
        """Return whether a script was added and not discarded."""
        return any(each is script for each in self._scripts)

    def following(self, now: float) -> float:
        """Return the time of the next part after the present; infinity if none comes by itself.

        A script that looks at the bench all the time cannot tell when something happens.
        """
        with self.lock:
            times = [now + LOOK if each.is_looking else each.due() for each in self._scripts]
            return min(times, default=math.inf)

    def advance(self, now: float) -> None:
        """Run all parts that are due, in the order of time.

        The callers of an instrument get its errors, not the caller that comes first.
        """
        with self.lock:
            self.now = max(self.now, now)
            while self._scripts:
                first = min(self._scripts, key=lambda script: script.due())
                if first.due() > now:
                    return
                try:
                    first.run(min(now, self._others_due(first)), now)
                except DeviceSimError as error:
                    first.fail(error)

    def _others_due(self, first: Script) -> float:
        """Return the time up to which a script may run before another one does.

        Two that look at the bench all the time would go from moment to moment in turn, and never
        arrive. So the one that was added first may look ahead of the other.
        """
        due, is_after = math.inf, False
        for each in self._scripts:
            if each is first:
                is_after = True
            elif is_after and first.is_looking and each.is_looking:
                due = min(due, each.due() + LOOK)
            else:
                due = min(due, each.due())
        return due
