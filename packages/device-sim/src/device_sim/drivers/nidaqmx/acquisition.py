"""The samples of an input task, from its start to its stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from nidaqmx.constants import OverwriteMode, ReadRelativeTo

from device_sim.base.script import Script
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.run import Block, Buffer, Run
from device_sim.drivers.nidaqmx.sampling import kind_of, rows_of, sample
from device_sim.drivers.nidaqmx.timing import Mode, Plan, Wait
from device_sim.drivers.nidaqmx.triggers import Level, awaited, level_of
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

_CHUNK = 2**16  # Samples of each channel that are taken together.


@dataclass(slots=True)
class _Crossing:
    """The search of an analog trigger in samples that come one chunk after the other."""

    level: Level
    armed: bool = False

    def find(self, block: Block) -> int | None:
        """Return the place of the first sample in the level's region, None if there is none."""
        values = block[self.level.row]
        armed = self.level.arms(values)
        ready = np.logical_or.accumulate(np.concatenate(([self.armed], armed)))
        fired = self.level.fires(values) & ready[:-1]
        self.armed = bool(ready[-1])
        return int(np.argmax(fired)) if fired.any() else None


class Acquisition(Run):
    """One acquisition.

    Args:
        task: The task, with inputs.
        plan: Its timing.
        start: Time of the start.
    """

    def __init__(self, task: Task, plan: Plan, start: float) -> None:
        super().__init__(task, plan, start)
        size = max(plan.buffer, 1) if plan.before < 0 else plan.length + _CHUNK
        self.buffer = Buffer(rows_of(task), size, kind_of(task))
        self.position = 0
        """The number of the next sample that a client reads."""
        self.reference: int | None = None
        """The number of the first sample after the reference trigger; None before it."""
        if plan.mode is not Mode.ON_DEMAND:
            self.begin(self._acquire(start))

    @property
    def listens(self) -> bool:
        """Whether it waits for a trigger, so that nobody knows when it goes on."""
        waits_for_reference = self.plan.before >= 0 and self.reference is None
        return super().listens or (waits_for_reference and not self.finished)

    def due_at_end(self) -> float:
        """Return the time of the last sample, or when unread samples are overwritten."""
        if self.plan.before >= 0 and self.reference is None:
            return math.inf
        last = self._first + self.last - 1
        return self.time_of(min(last, self.position + self.buffer.size))

    # For clients that read.

    @property
    def available(self) -> int:
        """The number of samples that a client can read now."""
        if self.plan.before >= 0 and not self.finished:
            return 0
        return int(min(self.count - self.position, self.remaining))

    @property
    def remaining(self) -> float:
        """The number of samples from the read position to the last one; infinity without one."""
        if self.plan.mode is not Mode.FINITE:
            return math.inf
        return self._first + self.plan.length - self.position

    @property
    def _first(self) -> int:
        """The number of the first sample that clients get."""
        if self.plan.before < 0 or self.reference is None:
            return 0
        return self.reference - self.plan.before

    def due_with(self, count: int) -> float:
        """Return the time at which so many more samples can be read."""
        if self.plan.before >= 0:
            return self.due_at_end()
        return self.time_of(self.position + count - 1)

    def seek(self, relative_to: int, offset: int) -> None:
        """Move the read position before a read.

        Raises:
            DriverError: No such sample is there.
        """
        base = {
            ReadRelativeTo.FIRST_SAMPLE.value: self._first,
            ReadRelativeTo.CURRENT_READ_POSITION.value: self.position,
            ReadRelativeTo.MOST_RECENT_SAMPLE.value: self.count,
            ReadRelativeTo.FIRST_PRETRIGGER_SAMPLE.value: self._first,
            ReadRelativeTo.REFERENCE_TRIGGER.value: self._first + max(self.plan.before, 0),
        }[relative_to]
        place = base + offset
        if place < self.buffer.oldest:
            raise DriverError(ERRORS.SAMPLES_NO_LONGER_AVAILABLE, f"Sample: {place}")
        self.position = place

    def take(self, count: int) -> Block:
        """Return the next samples, which are there, and move the read position."""
        block = self.buffer.read(self.position, count)
        self.position += count
        return block

    def samples_at(self, begin: float, spacing: float, count: int) -> Block:
        """Return the next samples, given their times, a row for each channel or line."""
        before = self.buffer.read(self.count - 1, 1)[:, 0] if self.count else None
        return sample(self.task, self.count, begin, spacing, count, before)

    # The script.

    def _acquire(self, start: float) -> Script:
        if Wait.START in awaited(self.task, self.plan):
            start = yield Wait.START
        self.origin = start
        self.emit(Wait.START.value, start)
        level = level_of(self.task, Wait.START)
        if level is not None:
            yield from self._discard_until(_Crossing(level))
        if self.plan.before >= 0:
            yield from self._take_around_reference()
        else:
            yield from self._take(self.plan.length if self.plan.mode is Mode.FINITE else math.inf)
        self.task.events.done(0)

    def _take(self, last: float) -> Script:
        """Take samples up to a number."""
        while self.count < last:
            yield self.time_of(self.count)
            self._take_due(last)
            if self.plan.before < 0:
                self.rest(min(last - 1, self.position + self.buffer.size))
        self._rest = -math.inf

    def _take_due(self, last: float) -> Block:
        """Take the samples that are due, but not too many at once. Return them."""
        sent = self._sent[Wait.REFERENCE]
        until = min(self.until, sent[0]) if sent else self.until
        count = int(min(last - self.count, max(1, self.due_until(until) - self.count)))
        count = self._make_room(count)
        block = self.samples_at(self.time_of(self.count), 1.0 / self.plan.rate, count)
        self.buffer.append(block)
        self.count += count
        self.task.events.acquired(count)
        self.task.lock.notify_all()
        return block

    def _make_room(self, count: int) -> int:
        """Return how many of the next samples to take now, given how many are due.

        Raises:
            DriverError: The client did not read the samples before them in time.
        """
        unread = self.count + count - self.position
        if self.plan.before >= 0 or unread <= self.buffer.size:
            return min(count, _CHUNK)
        if self.task.groups["Read"]["OVERWRITE"] != OverwriteMode.OVERWRITE_UNREAD_SAMPLES.value:
            raise DriverError(
                ERRORS.SAMPLES_NO_LONGER_AVAILABLE,
                f"Task: {self.task.name}\nSamples in the buffer: {self.buffer.size}\n"
                f"Read Position: {self.position}",
            )
        if count > self.buffer.size:  # The first ones would be overwritten at once.
            skipped = count - self.buffer.size
            self.buffer.skip(skipped)
            self.count += skipped
            self.task.events.acquired(skipped)
            count -= skipped
        return min(count, _CHUNK)

    def _discard_until(self, crossing: _Crossing) -> Script:
        """Take samples until an analog start trigger. The one with the trigger is the first."""
        assert self.origin is not None
        while True:
            yield self.time_of(0)
            count = max(1, min(self.due_until(self.until), _CHUNK))
            found = crossing.find(sample(self.task, 0, self.origin, 1.0 / self.plan.rate, count))
            self.origin += (count if found is None else found) / self.plan.rate
            if found is not None:
                return

    def _take_around_reference(self) -> Script:
        """Take samples until as many as wanted have come after the reference trigger."""
        plan, level = self.plan, level_of(self.task, Wait.REFERENCE)
        crossing = None if level is None else _Crossing(level)
        waits = Wait.REFERENCE in awaited(self.task, plan)
        yield from self._take(plan.before)
        if waits:
            self.begin(self._await_reference())
        elif crossing is None:
            self.reference = plan.before
        while self.reference is None:
            yield self.time_of(self.count)
            before = self.count
            block = self._take_due(math.inf)
            found = crossing.find(block) if crossing else None
            if found is not None:
                self.reference = before + found
        self.emit(Wait.REFERENCE.value, self.time_of(self.reference))
        yield from self._take(self._first + plan.length)
        self.position = self._first

    def _await_reference(self) -> Script:
        arrived = yield Wait.REFERENCE
        self.reference = max(self.plan.before, self.due_until(arrived))
