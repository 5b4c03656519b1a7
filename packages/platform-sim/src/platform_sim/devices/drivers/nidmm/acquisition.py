"""The acquisition of a multimeter: triggers, samples, and what has not been fetched yet.

As in the source-measure units, a script runs through time lazily, so that every sample is taken
at its own time however late somebody looks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import Enum

from nidmm.enums import AcquisitionStatus

_SHORTEST_SAMPLE = 1e-5  # Seconds that even a sample without an aperture takes.
_BACKLOG = 100_000  # Readings that are made up for when nobody has fetched.


class Wait(Enum):
    """What a script can wait for apart from a time."""

    TRIGGER = "trigger"


Waiting = float | Wait


@dataclass(frozen=True, slots=True)
class Plan:
    """What an acquisition is to do."""

    triggers: float
    """How many triggers; infinity for ever."""

    samples: float
    """How many samples after each."""

    waits_for_trigger: bool
    """Whether each trigger has to be sent."""

    waits_for_sample: bool
    """Whether each sample after a trigger has to be triggered as well."""

    delay: float
    """Seconds from trigger to aperture: trigger delay and settling."""

    aperture: float
    """Seconds that a sample is averaged over."""

    interval: float
    """Seconds from the begin of one sample to that of the next, at least."""


class Acquisition:
    """One acquisition, from initiate to abort.

    Args:
        plan: What to do.
        acquire: Measures from one time to another.
        start: When it was initiated.
    """

    def __init__(self, plan: Plan, acquire: Callable[[float, float], float], start: float) -> None:
        self._acquire = acquire
        self._sent: deque[float] = deque()
        self.readings: deque[float] = deque()
        self._script = self._run(plan, start)
        self._waiting: Waiting | None = next(self._script, None)

    @property
    def finished(self) -> bool:
        """Whether all samples have been taken."""
        return self._waiting is None

    @property
    def status(self) -> int:
        """NI's acquisition status."""
        if not self.finished:
            return int(AcquisitionStatus.RUNNING.value)
        if self.readings:
            return int(AcquisitionStatus.FINISHED_WITH_BACKLOG.value)
        return int(AcquisitionStatus.FINISHED_WITH_NO_BACKLOG.value)

    def trigger(self, at: float) -> None:
        """Have a software trigger arrive; one that nobody waits for is lost."""
        if self._waiting is Wait.TRIGGER:
            self._sent.append(at)

    def advance(self, now: float, wanted: float = _BACKLOG) -> float:
        """Take all samples that are due, until there are `wanted`; returns when to look again."""
        while self._waiting is not None and len(self.readings) < wanted:
            due = self._due()
            if due > now:
                return due
            if self._waiting is Wait.TRIGGER:
                self._sent.popleft()
            try:
                self._waiting = self._script.send(due)
            except StopIteration:
                self._waiting = None
        return math.inf

    def _due(self) -> float:
        if self._waiting is Wait.TRIGGER:
            return self._sent[0] if self._sent else math.inf
        return float(self._waiting)  # type: ignore[arg-type]

    def _run(self, plan: Plan, now: float) -> Generator[Waiting, float, None]:
        triggers = 0
        while triggers < plan.triggers:
            if plan.waits_for_trigger:
                now = yield Wait.TRIGGER
            samples = 0
            while samples < plan.samples:
                if samples and plan.waits_for_sample:
                    now = yield Wait.TRIGGER
                begin = now + plan.delay
                now = yield begin + plan.aperture
                self.readings.append(self._acquire(begin, now))
                now = max(now, begin - plan.delay + max(plan.interval, _SHORTEST_SAMPLE))
                samples += 1
            triggers += 1
