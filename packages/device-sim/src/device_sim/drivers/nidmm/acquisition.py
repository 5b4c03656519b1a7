"""The acquisitions of a multimeter: triggers, samples, and the readings to fetch.

An acquisition is a script of the server's timeline. So each sample has its own time, even if it is
computed later.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import Enum

from nidmm.enums import AcquisitionStatus

from device_sim.errors import DeviceSimError

_SHORTEST_SAMPLE = 1e-5  # Seconds of even a sample without an aperture.
_BACKLOG = 100_000  # Largest number of readings to fetch.
_CATCH_UP = 2_000  # Late readings of an endless acquisition that are still computed.


class Wait(Enum):
    """The events that a script can wait for, apart from a time."""

    TRIGGER = "trigger"


Waiting = float | Wait


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


class Acquisition(ABC):
    """One acquisition, from initiate to abort."""

    def __init__(self) -> None:
        self.readings: deque[float] = deque()
        self._failure: DeviceSimError | None = None

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Return whether all samples have been taken."""

    @abstractmethod
    def trigger(self, at: float) -> None:
        """Deliver a software trigger. It is lost if no script waits for it."""

    @abstractmethod
    def due(self) -> float:
        """Return the time of the next sample; infinity if none will come without a trigger."""

    @abstractmethod
    def run(self, until: float, now: float) -> None:
        """Take the samples that are ready at or before `until`."""

    def fail(self, error: DeviceSimError) -> None:
        """Stop measuring. The caller that asks for readings gets the error."""
        self._failure = error

    def check(self) -> None:
        """Raise the error that ended the acquisition, if one did."""
        if self._failure is not None:
            raise self._failure

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
        super().__init__()
        self._acquire = acquire
        self._sent: deque[float] = deque()
        self._now = start
        self._script = self._take(plan, start)
        self._waiting: Waiting | None = next(self._script, None)

    @property
    def finished(self) -> bool:
        """Return whether all samples have been taken."""
        return self._waiting is None

    def trigger(self, at: float) -> None:
        """Deliver a software trigger. It is lost if no script waits for it."""
        if self._waiting is Wait.TRIGGER:
            self._sent.append(at)

    def due(self) -> float:
        """Return the time of the script's next action. It pauses when the backlog is full."""
        if self._waiting is None or self._failure or len(self.readings) >= _BACKLOG:
            return math.inf
        if self._waiting is Wait.TRIGGER:
            return self._sent[0] if self._sent else math.inf
        return float(self._waiting)

    def run(self, until: float, now: float) -> None:
        """Take the samples that are ready at or before `until`."""
        self._now = now
        while (due := self.due()) <= until:
            if self._waiting is Wait.TRIGGER:
                self._sent.popleft()
            try:
                self._waiting = self._script.send(due)
            except StopIteration:
                self._waiting = None

    def _take(self, plan: Plan, now: float) -> Generator[Waiting, float, None]:
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
                if math.isinf(plan.samples):
                    now = max(now, self._now - _CATCH_UP * plan.period)
            triggers += 1


class Waveform(Acquisition):
    """Points of a signal at a constant time from each other.

    Args:
        points: Number of points.
        spacing: Seconds between them.
        sample: Return the signal at ascending times.
        start: Time of initiate. None waits for a trigger.
        delay: Seconds from initiate or trigger to the first point.
    """

    def __init__(
        self,
        points: int,
        spacing: float,
        sample: Callable[[Sequence[float]], Sequence[float]],
        start: float | None,
        delay: float,
    ) -> None:
        super().__init__()
        self._points = points
        self._spacing = spacing
        self._sample = sample
        self._delay = delay
        self._begin = None if start is None else start + delay
        self._taken = 0

    @property
    def finished(self) -> bool:
        """Return whether all points have been taken."""
        return self._taken >= self._points

    def trigger(self, at: float) -> None:
        """Begin, if it has not begun yet."""
        if self._begin is None:
            self._begin = at + self._delay

    def due(self) -> float:
        """Return the time of the next point."""
        if self._begin is None or self.finished or self._failure:
            return math.inf
        return self._begin + (self._taken + 1) * self._spacing

    def run(self, until: float, now: float) -> None:
        """Take all points that are ready at or before `until`, together."""
        if self._begin is None:
            return
        ready = int((until - self._begin) / self._spacing + 1e-6)
        ready = min(max(ready, self._taken + 1), self._points)
        times = [self._begin + index * self._spacing for index in range(self._taken, ready)]
        self._taken = ready
        self.readings.extend(self._sample(times))
