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
    START = "start trigger"
    ARM = "arm reference trigger"
    ADVANCE = "advance trigger"


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

    awaited: frozenset[Wait] = frozenset()
    """The triggers that come by a terminal or by software."""


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
        signal: Put a signal of the digitizer onto its terminals; see Activity.
        is_heard: Return whether another script waits for a signal of the digitizer.
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
        signal: Callable[[str, float], bool],
        is_heard: Callable[[], bool],
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
        self.signal = signal
        self._is_heard = is_heard
        self._earliest = start
        self._loses = loses
        self._search = search
        self.begin(self._acquire(start))

    def waits_since(self, trigger: Enum) -> float | None:
        """Return since when it waits for a trigger: not before the samples before it are there."""
        since = super().waits_since(trigger)
        return since if since is None else max(since, self._earliest)

    def _acquire(self, now: float) -> Script:
        plan = self.plan
        self.emit("ready_for_start_event", now)
        now = yield from self._await(Wait.START, now)
        self.emit("start_trigger", now)
        start, last = now, -math.inf
        for number in range(plan.records):
            if number:
                self.emit("ready_for_advance_event", now)
                now = yield from self._await(Wait.ADVANCE, now)
                self.emit("advance_trigger", now)
            armed = yield from self._await(Wait.ARM, now)
            earliest = max(
                armed, now + plan.before / plan.rate, now + plan.quiet, last + plan.holdoff
            )
            self.emit("ready_for_ref_event", earliest)
            last = yield from self._trigger(earliest)
            self.emit("ref_trigger", last)
            # The sample clock runs from the start. Its next tick is the first sample.
            ticks = math.ceil((last + plan.delay - start) * plan.rate - 1e-6)
            begin = start + (ticks - plan.before) / plan.rate
            end = begin + plan.length / plan.rate
            while now < end:
                now = yield end
            grid = Grid(begin, 1.0 / plan.rate, plan.length)
            self.records.append(Record(begin, last, self._sample(grid)))
            self.emit("end_of_record_event", now)
        self.emit("end_of_acquisition_event", now)

    def _await(self, trigger: Wait, now: float) -> Generator[Waiting, float, float]:
        """Wait for a trigger, if there is one to wait for. Return its time."""
        if trigger not in self.plan.awaited:
            return now
        sent = yield trigger
        while self._loses(sent):
            sent = yield trigger
        return sent

    def _trigger(self, earliest: float) -> Generator[Waiting, float, float]:
        """Wait for the trigger of a record. Return its time."""
        self._earliest = earliest
        if Wait.TRIGGER in self.plan.awaited:
            sent = yield from self._await(Wait.TRIGGER, earliest)
            return max(sent, earliest)
        if self._search is None:
            while self._loses(earliest):
                earliest = yield earliest + _LOOK
            return earliest
        find, begin = self._search(), earliest
        while True:
            # Who waits for a signal of this digitizer must hear it before others go on.
            self.is_looking = self._is_heard()
            look = math.nextafter(begin, math.inf) if self.is_looking else begin + _LOOK
            end = max((yield look), self.until)
            self.is_looking = False
            found = find(begin, end)
            if found is not None and not self._loses(found):
                return found
            if self.plan.is_automatic and end >= earliest + _AUTO:
                self.auto_triggered = True
                return earliest + _AUTO
            begin = end
