"""The acquisitions of a digitizer: one record after each trigger."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from device_sim.base.script import Activity, Script, Waiting
from device_sim.bench import Grid

Volts = npt.NDArray[np.float64]

_LOOK = 20e-3  # Seconds after which a search for a trigger looks at the signal again.
_AUTO = 0.1  # Seconds after which an acquisition with automatic triggering does not wait any more.


class Wait(Enum):
    """The triggers that a client sends."""

    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Scale:
    """The vertical settings of a channel."""

    range: float
    """Volts from the lowest to the highest code."""

    offset: float
    """Volts in the middle of the range."""

    is_grounded: bool
    """True if the input is grounded."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of an acquisition, as they are at initiate."""

    scales: Mapping[int, Scale]
    """The vertical settings of the enabled channels, by their indices."""

    rate: float
    """Samples per second."""

    length: int
    """Samples in a record."""

    before: int
    """Samples of a record before the trigger."""

    records: int
    """Number of records."""

    holdoff: float
    """Smallest time between two triggers, in seconds."""

    quiet: float
    """Seconds after the start of a record in which triggers are ignored."""

    delay: float
    """Seconds from a trigger to the first sample after it."""

    is_automatic: bool
    """True if a record does not wait for its trigger for long."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of all enabled channels."""

    begin: float
    """Time of its first sample, in seconds."""

    trigger: float
    """Time of its trigger, in seconds."""

    samples: Mapping[int, Volts]
    """The readings in volts, by the index of the channel; those of the wired channels."""


class Acquisition(Activity):
    """One acquisition, from initiate to abort.

    Args:
        plan: Its timing.
        waits: True if a client sends the triggers.
        loses: Return whether a fault keeps a trigger from coming at a time.
        search: Make a search for an analog trigger: a function that returns the time of the trigger
            between two times, None before it came. None for a trigger that comes at once.
        sample: Return the samples of a record, given their times.
        start: Time of initiate.
    """

    def __init__(
        self,
        plan: Plan,
        sample: Callable[[Grid], Mapping[int, Volts]],
        start: float,
        *,
        loses: Callable[[float], bool],
        waits: bool = False,
        search: Callable[[], Callable[[float, float], float | None]] | None = None,
    ) -> None:
        super().__init__(start)
        self.plan = plan
        self.records: list[Record] = []
        self.auto_triggered = False
        """True if a record did not wait any more for its trigger."""
        self.read_pointer = 0
        """The sample after the last one that was fetched relative to the read pointer."""
        self._sample = sample
        self._waits = waits
        self._loses = loses
        self._search = search
        self.begin(self._acquire(start))

    def _acquire(self, now: float) -> Script:
        plan = self.plan
        start, last = now, -math.inf
        for _ in range(plan.records):
            earliest = max(now + plan.before / plan.rate, now + plan.quiet, last + plan.holdoff)
            last = yield from self._trigger(earliest)
            # The sample clock runs from the start. Its next tick is the first sample.
            ticks = math.ceil((last + plan.delay - start) * plan.rate - 1e-6)
            begin = start + (ticks - plan.before) / plan.rate
            end = begin + plan.length / plan.rate
            while now < end:
                now = yield end
            grid = Grid(begin, 1.0 / plan.rate, plan.length)
            self.records.append(Record(begin, last, self._sample(grid)))

    def _trigger(self, earliest: float) -> Generator[Waiting, float, float]:
        """Wait for a trigger. Return its time."""
        if self._waits:
            sent = yield Wait.TRIGGER
            while self._loses(sent):
                sent = yield Wait.TRIGGER
            return max(sent, earliest)
        if self._search is None:
            while self._loses(earliest):
                earliest = yield earliest + _LOOK
            return earliest
        find, begin = self._search(), earliest
        while True:
            end = max((yield begin + _LOOK), self.until)
            found = find(begin, end)
            if found is not None and not self._loses(found):
                return found
            if self.plan.is_automatic and end >= earliest + _AUTO:
                self.auto_triggered = True
                return earliest + _AUTO
            begin = end
