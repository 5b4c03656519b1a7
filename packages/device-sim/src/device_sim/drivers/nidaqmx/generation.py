"""The samples of an output task, from its start to its stop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from nidaqmx.constants import RegenerationMode

from device_sim.base.script import Script
from device_sim.drivers.nidaqmx import wiring
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.run import Block, Run
from device_sim.drivers.nidaqmx.timing import Mode, Plan, Wait
from device_sim.drivers.nidaqmx.triggers import awaited
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task


class Generation(Run):
    """One generation.

    Args:
        task: The task, with outputs.
        plan: Its timing.
        start: Time of the start.
    """

    def __init__(self, task: Task, plan: Plan, start: float) -> None:
        super().__init__(task, plan, start)
        self.stream = task.stream
        self._present: Block | None = None
        """The samples that are put out now."""
        self.regenerates = (
            task.groups["Write"]["REGEN_MODE"] == RegenerationMode.ALLOW_REGENERATION.value
        )
        if plan.mode is not Mode.ON_DEMAND:
            if not self.stream.written:
                raise DriverError(
                    ERRORS.AO_CALL_WRITE_BEFORE_START_FOR_SAMP_CLK_TIMING_TYPE, f"Task: {task.name}"
                )
            self.begin(self._generate(start))

    def due_at_end(self) -> float:
        """Return when the last sample has lasted as long as the others, or samples are missing."""
        return self.time_of(self.last if self.regenerates else min(self.last, self.stream.written))

    def due_with(self, space: int) -> float:
        """Return the time at which the buffer has space for so many samples."""
        return self.time_of(self.stream.written + space - self.stream.size - 1)

    def values_at(self, first: int, count: int) -> Block:
        """Return the samples with some numbers, a row for each channel or line."""
        return self.stream.read(first, count, repeats=self.regenerates)

    def known(self) -> tuple[Block, int]:
        """Return the samples in the buffer, and the number of the first of them."""
        stream = self.stream
        if self.regenerates:
            return stream.read(0, stream.filled, repeats=True), 0
        first = stream.written - stream.filled
        block = stream.read(first, stream.filled, repeats=False)
        if self._present is None or first < self.count:
            return block, first
        return np.concatenate((self._present, block), axis=1), first - 1

    def rewritten(self) -> None:
        """Put out what a client has written while the task runs."""
        if self.origin is not None and not self.finished:
            wiring.generate(self, self.task.hardware.now)

    def end(self) -> None:
        """Hold the outputs at their last values."""
        if not self.finished:
            self._hold(self.task.hardware.now)
        super().end()

    def _generate(self, start: float) -> Script:
        if Wait.START in awaited(self.task, self.plan):
            start = yield Wait.START
        self.origin = start
        self.emit(Wait.START.value, start)
        wiring.generate(self, start)
        while self.count < self.last:
            yield self.time_of(self.count)
            self._put_out_due()
            self.rest(
                self.last - 1 if self.regenerates else min(self.last - 1, self.stream.written)
            )
        self._rest = -math.inf
        yield self.time_of(self.last)
        self._hold(self.time_of(self.last))
        self.task.events.done(0)
        self.task.lock.notify_all()

    def _put_out_due(self) -> None:
        """Count the samples that are due.

        Raises:
            DriverError: The client did not write samples in time, and may not repeat old ones.
        """
        due = int(min(self.last, max(self.count + 1, self.due_until(self.until))))
        if not self.regenerates and due > self.stream.written:
            self.count = self.stream.written
            self._hold(self.time_of(self.count))
            raise DriverError(
                ERRORS.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES,
                f"Task: {self.task.name}\nSamples written: {self.stream.written}",
            )
        self._present = self.values_at(due - 1, 1)
        self.stream.generated = due
        self.task.events.transferred(due - self.count)
        self.count = due
        self.task.lock.notify_all()

    def _hold(self, at: float) -> None:
        """Hold the outputs at the last values from a time on."""
        if self.count:
            self.task.hold(self.values_at(self.count - 1, 1)[:, 0].tolist(), at)


class Stream:
    """The samples that clients write, and how far they are put out.

    Args:
        rows: The number of channels or lines.
        size: The samples of each that the buffer holds.
        kind: The type of a sample.
    """

    def __init__(self, rows: int, size: int, kind: type) -> None:
        self.rows = rows
        self.size = size
        self.written = 0
        """The number of samples that were written."""
        self.generated = 0
        """The number of samples that were put out."""
        self._samples: Block = np.zeros((rows, size), kind)

    @property
    def filled(self) -> int:
        """The number of samples in the buffer that were written."""
        return min(self.written, self.size)

    @property
    def space(self) -> int:
        """The number of samples that can be written before they overwrite what is to come."""
        return max(0, self.size - max(0, self.written - self.generated))

    def write(self, first: int, block: Block) -> None:
        """Write samples from a number on."""
        places = np.arange(first, first + block.shape[1]) % self.size
        self._samples[:, places] = block
        self.written = max(self.written, first + block.shape[1])

    def read(self, first: int, count: int, *, repeats: bool) -> Block:
        """Return samples; with `repeats` those of the buffer again and again."""
        length = self.filled if repeats else self.size
        return self._samples[:, np.arange(first, first + count) % length]

    def rewind(self) -> None:
        """Begin a new generation with the same samples."""
        self.written, self.generated = self.filled, 0
