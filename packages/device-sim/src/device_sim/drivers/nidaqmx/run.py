"""What a task takes or puts out, from a start to the stop."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from device_sim.base.script import Activity
from device_sim.drivers.nidaqmx.timing import Mode, Plan
from device_sim.drivers.nidaqmx.triggers import put_out
from device_sim.errors import DeviceSimError, DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

Block = npt.NDArray[Any]
"""Samples: a row for each channel or line, a column for each time."""

_TOGETHER = 10e-3  # Seconds of samples that may be taken together.
_CLOSE = 1e-9  # Part of a sample's period: a time so close before a sample is that of the sample.


class Run(Activity):
    """One run of a task.

    Args:
        task: The task.
        plan: Its timing.
        start: Time of the start.
    """

    def __init__(self, task: Task, plan: Plan, start: float) -> None:
        super().__init__(start)
        self.task = task
        self.plan = plan
        self.signal = partial(put_out, task)
        self.origin: float | None = None
        """The time of the first sample; None while it waits for the start trigger."""
        self.count = 0
        """The number of samples of each channel so far."""
        self._rest = -math.inf
        """The time up to which nobody needs the samples that are due; see `catch_up`."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is taken or put out any more; always so on demand."""
        return self.finished

    @property
    def listens(self) -> bool:
        """Whether it waits for a trigger, so that nobody knows when it goes on."""
        return self.origin is None and not self.finished

    @property
    def last(self) -> float:
        """The number of samples of the whole run; infinity without an end."""
        return self.plan.length if self.plan.mode is Mode.FINITE else math.inf

    def due_at_end(self) -> float:
        """Return the time before which it ends neither by itself nor by an error."""
        return self.due()

    def due(self) -> float:
        """Return the time of the next part. Samples are due together, as long as nobody asks."""
        return max(super().due(), self._rest)

    def rest(self, until: float) -> None:
        """Take the next samples later, and together, because nobody needs them now.

        Args:
            until: The number of the sample at which somebody does.
        """
        number = min(until, self.count + self.task.events.ahead - 1)
        latest = self.time_of(self.count) + _TOGETHER
        self._rest = min(self.time_of(max(number, self.count)), latest)

    def catch_up(self, now: float) -> None:
        """Run all parts that are due by now, for a client that asks."""
        if self._rest == -math.inf:
            return
        self._rest = -math.inf
        try:
            self.run(now, now)
        except DeviceSimError as error:
            self.fail(error)

    def fail(self, error: DeviceSimError) -> None:
        """Stop. Clients that read, write or wait get the error, and so does the done event."""
        super().fail(error)
        self.task.events.done(error.code if isinstance(error, DriverError) else -1)
        self.task.lock.notify_all()

    def end(self) -> None:
        """End before its time, or after it."""
        self.stop()

    def time_of(self, number: float) -> float:
        """Return the time of a sample; infinity before the start trigger."""
        return math.inf if self.origin is None else self.origin + number / self.plan.rate

    def due_until(self, time: float) -> int:
        """Return how many samples are due by a time."""
        if self.origin is None or self.plan.mode is Mode.ON_DEMAND:
            return 0
        return max(0, math.floor((time - self.origin) * self.plan.rate + _CLOSE) + 1)


class Buffer:
    """The last samples of a stream, which may be long.

    Args:
        rows: The number of channels or lines.
        size: The largest number of samples of each that it holds.
        kind: The type of a sample.
    """

    def __init__(self, rows: int, size: int, kind: npt.DTypeLike = np.float64) -> None:
        self.size = size
        self.total = 0
        """The number of samples that came, with those that are gone."""
        self._samples: Block = np.zeros((rows, 0), kind)

    @property
    def oldest(self) -> int:
        """The number of the oldest sample that it still has."""
        return max(0, self.total - self.size)

    def append(self, block: Block) -> None:
        """Add samples. Of more than it can hold, it takes the last ones."""
        self.total += block.shape[1]
        block = block[:, -self.size :]
        self._grow(min(self.total, self.size))
        places = np.arange(self.total - block.shape[1], self.total) % self.size
        self._samples[:, places] = block

    def skip(self, count: int) -> None:
        """Count samples that nobody will read. They need not be taken."""
        self.total += count

    def read(self, first: int, count: int) -> Block:
        """Return samples that it has."""
        self._grow(min(self.total, self.size))
        return self._samples[:, np.arange(first, first + count) % self.size]

    def _grow(self, needed: int) -> None:
        rows, length = self._samples.shape
        if length < needed:
            larger = np.zeros((rows, min(self.size, max(needed, 2 * length))), self._samples.dtype)
            larger[:, :length] = self._samples
            self._samples = larger
