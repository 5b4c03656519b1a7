"""The acquisitions of a multimeter: triggers, samples, and the readings to fetch.

Each sample has its own time, even if it is computed later.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from nidmm.enums import AcquisitionStatus

from device_sim.base.script import Activity, Script
from device_sim.bench import Grid

_SHORTEST_SAMPLE = 1e-5  # Seconds of even a sample without an aperture.
_BACKLOG = 100_000  # Largest number of readings to fetch.
_CATCH_UP = 2_000  # Late readings of an endless acquisition that are still computed.


class Wait(Enum):
    """The events that a script can wait for, apart from a time."""

    TRIGGER = "trigger"
    SAMPLE = "sample trigger"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of an acquisition of readings."""

    triggers: float
    """Number of triggers; infinity for no end."""

    samples: float
    """Number of samples after each trigger."""

    waits_for_trigger: bool
    """True if each trigger must be sent."""

    waits_for_sample: bool
    """True if each sample after a trigger needs a trigger, too."""

    delay: float
    """Seconds from trigger to aperture: trigger delay and settling."""

    aperture: float
    """Averaging time of a sample in seconds."""

    interval: float
    """Smallest time between the begins of two samples, in seconds."""

    @property
    def period(self) -> float:
        """The smallest time from one sample to the next, in seconds."""
        return max(self.delay + self.aperture, self.interval, _SHORTEST_SAMPLE)


class Acquisition(Activity):
    """One acquisition, from initiate to abort."""

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self.readings: deque[float] = deque()

    @property
    def status(self) -> int:
        """NI's acquisition status."""
        if not self.finished:
            return int(AcquisitionStatus.RUNNING.value)
        if self.readings:
            return int(AcquisitionStatus.FINISHED_WITH_BACKLOG.value)
        return int(AcquisitionStatus.FINISHED_WITH_NO_BACKLOG.value)


class Readings(Acquisition):
    """Single readings, each with its own aperture.

    Args:
        plan: The plan of the acquisition.
        acquire: Measure from one time to another.
        start: Time of initiate.
    """

    def __init__(self, plan: Plan, acquire: Callable[[float, float], float], start: float) -> None:
        super().__init__(start)
        self._acquire = acquire
        self.begin(self._take(plan, start))

    def is_paused(self) -> bool:
        """Return whether the backlog is full."""
        return len(self.readings) >= _BACKLOG

    def _take(self, plan: Plan, now: float) -> Script:
        triggers = 0
        while triggers < plan.triggers:
            if plan.waits_for_trigger:
                now = yield Wait.TRIGGER
            samples = 0
            while samples < plan.samples:
                if samples and plan.waits_for_sample:
                    now = yield Wait.SAMPLE
                begin = now + plan.delay
                now = yield begin + plan.aperture
                self.readings.append(self._acquire(begin, now))
                self.emit("measurement complete", now)
                now = max(now, begin - plan.delay + max(plan.interval, _SHORTEST_SAMPLE))
                samples += 1
                if math.isinf(plan.samples):
                    now = max(now, self.now - _CATCH_UP * plan.period)
            triggers += 1


class Waveform(Acquisition):
    """Points of a signal at a constant time from each other.

    Args:
        points: Number of points.
        spacing: Seconds between them.
        sample: Return the signal at equidistant times.
        start: Time of initiate.
        waits_for_trigger: True if the points come after a trigger.
        delay: Seconds from initiate or trigger to the first point.
    """

    def __init__(
        self,
        points: int,
        spacing: float,
        sample: Callable[[Grid], Sequence[float]],
        start: float,
        *,
        waits_for_trigger: bool,
        delay: float,
    ) -> None:
        super().__init__(start)
        self._points = points
        self._spacing = spacing
        self._sample = sample
        self._delay = delay
        self.begin(self._take(start, waits_for_trigger))

    def _take(self, now: float, waits_for_trigger: bool) -> Script:
        if waits_for_trigger:
            now = yield Wait.TRIGGER
        begin, taken = now + self._delay, 0
        while taken < self._points:
            yield begin + (taken + 1) * self._spacing
            # All points that are ready come together.
            ready = int((self.until - begin) / self._spacing + 1e-6)
            ready = min(max(ready, taken + 1), self._points)
            grid = Grid(begin, self._spacing, self._points).part(taken, ready)
            taken = ready
            self.readings.extend(self._sample(grid))
