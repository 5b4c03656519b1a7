"""The measurements of a counter input, from the start of its task to the stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from nidaqmx.constants import (
    CountDirection,
    CounterFrequencyMethod,
    Edge,
    FrequencyUnits,
    SampleTimingType,
    TimeUnits,
)

from device_sim.base.script import Script
from device_sim.call import Call
from device_sim.drivers.nidaqmx import meters
from device_sim.drivers.nidaqmx.acquisition import Acquisition
from device_sim.drivers.nidaqmx.counter_lines import (
    COUNT,
    PULSES,
    check_supported,
    is_on_bench,
    line_at,
    prefix_of,
    rows_of_counter,
)
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.meters import Gate, Line, Measured, Meter
from device_sim.drivers.nidaqmx.run import Block
from device_sim.drivers.nidaqmx.timing import Mode, Plan
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

_LOOK = 1e-3  # Seconds after which a counter looks for edges again.
_MODULUS = 2**32
_EDGES = {
    "CI_COUNT_EDGES": "ACTIVE_EDGE",
    "CI_PULSE_FREQ": "START_EDGE",
    "CI_PULSE_TIME": "START_EDGE",
    "CI_PULSE_TICKS": "START_EDGE",
}
"""The end of the name of the property with the first edge, where it is not STARTING_EDGE."""
Values = Callable[[Measured], tuple[float, ...]]
"""Return the values of a measurement for a client, one for each row of its samples."""


class CounterInput(Acquisition):
    """One run of a counter input. Without a bench it measures 0, as NI's simulated devices do.

    Args:
        task: The task, with a counter input.
        plan: Its timing.
        start: Time of the start.
    """

    def __init__(self, task: Task, plan: Plan, start: float) -> None:
        self.task = task
        self._channel = task.channels[0]
        self._device = self._channel.devices[0]
        self._is_real = is_on_bench(task.hardware, self._device)
        if self._is_real:
            self._check()
        self._counted = self._initial()
        self._line: Line = meters.Still()
        self._meter: Meter | Gate | None = None
        self._values: Values = lambda measured: tuple(map(float, measured.ticks))
        super().__init__(task, plan, start)
        if plan.mode is Mode.ON_DEMAND:
            self._arm(start)
        if self._counts:
            self._channel.attributes.computed["CI_COUNT"] = self._present_count

    # The settings.

    def _check(self) -> None:
        """Raise DriverError for settings that are not simulated on a bench."""
        check_supported(self._channel)
        if self._counts and self._get("DIR") == CountDirection.EXTERNAL_SOURCE.value:
            raise DriverError(
                ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
                "Not simulated on a bench: a direction that a terminal controls. Count up or down.",
            )

    def _get(self, name: str) -> Any:
        return self._channel.attributes[f"{prefix_of(self._channel)}_{name}"]

    @property
    def _rising(self) -> bool:
        return bool(self._get(_EDGES.get(prefix_of(self._channel), "STARTING_EDGE")) == _RISING)

    @property
    def _counts(self) -> bool:
        return prefix_of(self._channel) == COUNT

    def _initial(self) -> int:
        return int(self._get("INITIAL_CNT")) if self._counts else 0

    def _arm(self, start: float) -> None:
        """Connect to the input, from a time on."""
        if self._is_real:
            self._line = line_at(self.task.hardware, self._get("TERM"), self._device, start)
            if not self._counts:
                self._meter, self._values = self._make_meter(start)

    def _make_meter(self, start: float) -> tuple[Meter | Gate, Values]:
        prefix, timebase = (
            prefix_of(self._channel),
            self._channel.attributes["CI_CTR_TIMEBASE_RATE"],
        )
        if prefix in PULSES:
            span = meters.pulse(rising=self._rising)
            is_high_first = self._rising

            def high_and_low(measured: Measured) -> tuple[float, ...]:
                first, second = measured.ticks
                high, low = (first, second) if is_high_first else (second, first)
                return _PULSE_VALUES[prefix](high, low, timebase)

            return Meter(self._line, span, timebase), high_and_low
        if prefix == "CI_PULSE_WIDTH":
            return self._timer(meters.width(rising=self._rising), 1)
        if prefix == "CI_SEMI_PERIOD":
            return self._timer(meters.semi_period(), 1)
        return self._make_frequency_meter(start)

    def _make_frequency_meter(self, start: float) -> tuple[Meter | Gate, Values]:
        """Return the meter of a frequency or period by the method that the client wants.

        Raises:
            DriverError: The method is not simulated.
        """
        method = CounterFrequencyMethod(self._get("MEAS_METH"))
        if method is CounterFrequencyMethod.HIGH_FREQUENCY_2_COUNTERS:
            seconds = float(self._get("MEAS_TIME"))
            gate = Gate(self._line, start, seconds, rising=self._rising)
            is_frequency = prefix_of(self._channel) == "CI_FREQ"
            return gate, lambda m: (
                m.ticks[0] / seconds if is_frequency else seconds / max(m.ticks[0], 1),
            )
        if method is CounterFrequencyMethod.LARGE_RANGE_2_COUNTERS:
            count = int(self._get("DIV"))
        elif method is CounterFrequencyMethod.LOW_FREQUENCY_1_COUNTER:
            count = 1
        else:
            raise DriverError(
                ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
                f"Not simulated: the measurement method {method.name}",
            )
        return self._timer(meters.periods(count, rising=self._rising), count)

    def _timer(self, span: meters.Span, count: int) -> tuple[Meter, Values]:
        """Return a meter of times, and the values in the channel's units."""
        timebase = float(self._channel.attributes["CI_CTR_TIMEBASE_RATE"])
        units = self._get("UNITS")
        if units == FrequencyUnits.HZ.value:
            return Meter(self._line, span, timebase), lambda m: (timebase * count / m.ticks[0],)
        if units == TimeUnits.SECONDS.value:
            return Meter(self._line, span, timebase), lambda m: (m.ticks[0] / timebase / count,)
        return Meter(self._line, span, timebase), lambda m: (m.ticks[0] / count,)

    # Samples.

    @property
    def is_implicit(self) -> bool:
        """Whether the edges of the input are the sample clock."""
        timing = self.task.groups["Timing"]["SAMP_TIMING_TYPE"]
        return self._is_real and not self._counts and timing == SampleTimingType.IMPLICIT.value

    def due_at_end(self) -> float:
        """Return the time before which it does not end."""
        return self.due() if self.is_implicit else super().due_at_end()

    def due_with(self, count: int) -> float:
        """Return the time at which to look for so many more samples."""
        return self.due() if self.is_implicit else super().due_with(count)

    def _present_count(self) -> int:
        return int(self.samples_at(self.task.hardware.now, 0.0, 1)[0, 0])

    def samples_at(self, begin: float, spacing: float, count: int) -> Block:
        """Return the samples at equidistant times, a row for each value."""
        if not self._counts:
            return np.zeros((rows_of_counter(self._channel), count))
        sign = 1 if self._get("DIR") == CountDirection.COUNT_UP.value else -1
        times = np.asarray(begin + np.arange(count) * spacing, np.float64)
        counted = self._counted + sign * self._line.counts(times, rising=self._rising)
        self._counted = int(counted[-1]) if count else self._counted
        return np.asarray(counted % _MODULUS, np.float64).reshape(1, count)

    def _acquire(self, start: float) -> Script:
        if not self.is_implicit:
            self._arm(start)
            yield from super()._acquire(start)
            return
        self._arm(start)
        self.origin = start
        last = self.plan.length if self.plan.mode is Mode.FINITE else math.inf
        while self.count < last:
            yield max(self.until, self.now) + _LOOK
            self._take_measured(last)
        self.task.events.done(0)
        self.task.lock.notify_all()

    def _take_measured(self, last: float) -> None:
        assert self._meter is not None
        room = self._make_room(max(1, self.buffer.size - (self.count - self.position)))
        measured = self._meter.take(int(min(last - self.count, room)), self.until)
        if not measured:
            return
        block = self._block(measured)
        self.buffer.append(block)
        self.count += block.shape[1]
        self.task.events.acquired(block.shape[1])
        self.task.lock.notify_all()

    def _block(self, measured: Sequence[Measured]) -> Block:
        rows = zip(*map(self._values, measured), strict=True)
        return np.array([np.array(row, np.float64) for row in rows])

    def measure(self, count: int, deadline: float, call: Call) -> Block:
        """Return the next measurements on demand. They begin now.

        Raises:
            DriverError: They did not come in time.
        """
        if not self._is_real or self._counts:
            return self.samples_at(self.task.hardware.now, 0.0, count)
        self._arm(self.task.hardware.now)
        found: list[Measured] = []

        def poll(now: float) -> float | None:
            assert self._meter is not None
            found.extend(self._meter.take(count - len(found), now))
            return None if len(found) >= count else now + _LOOK

        if not self.task.waiting.wait(call, poll, deadline, listens=lambda: True):
            raise DriverError(ERRORS.SAMPLES_NOT_YET_AVAILABLE, f"Task: {self.task.name}")
        return self._block(found)


_RISING = Edge.RISING.value
_PULSE_VALUES: Mapping[str, Callable[[int, int, float], tuple[float, ...]]] = {
    "CI_PULSE_FREQ": lambda high, low, hertz: (hertz / (high + low), high / (high + low)),
    "CI_PULSE_TIME": lambda high, low, hertz: (high / hertz, low / hertz),
    "CI_PULSE_TICKS": lambda high, low, hertz: (float(high), float(low)),
}
"""The two values of a pulse, given the ticks in which it is high and low, and the timebase."""
