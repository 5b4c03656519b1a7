"""The pulses of a counter output, from the start of its task to the stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nidaqmx.constants import Level, UsageTypeCO

from device_sim.base.script import Script
from device_sim.bench import Output, Stream, terminal_name
from device_sim.bench.waves import Corner, Cycle
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.counter_lines import check_supported, is_on_bench, output_of
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.pulses import PulseInput, Pulses, Train
from device_sim.drivers.nidaqmx.run import Run
from device_sim.drivers.nidaqmx.timing import Mode, Plan, Wait
from device_sim.drivers.nidaqmx.triggers import awaited
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.task import Task

LOGIC_HIGH, RESISTANCE = 5.0, 50.0
"""Volts and ohms of a digital output that is high."""

_CLOSE = 1e-9  # Of a period: a time so close before its end is its end.
_SHORTEST, _LONGEST = 2, 2**32  # Ticks of each part of a pulse.


@dataclass(frozen=True, slots=True)
class Pulse:
    """The parts of a pulse, in ticks of the counter's timebase."""

    high: int
    """The ticks in which the output is high."""

    low: int
    """The ticks in which it is low."""

    @property
    def ticks(self) -> int:
        """Both parts together."""
        return self.high + self.low

    def check(self) -> Pulse:
        """Return the pulse.

        Raises:
            DriverError: The counter cannot generate it.
        """
        for name, ticks in (("High", self.high), ("Low", self.low)):
            if not _SHORTEST <= ticks <= _LONGEST:
                raise DriverError(
                    ERRORS.INVALID_ATTRIBUTE_VALUE,
                    f"{name} Ticks: {ticks}\nMinimum Value: {_SHORTEST}\nMaximum Value: {_LONGEST}",
                )
        return self


def by_frequency(frequency: float, duty: float, timebase: float) -> Pulse:
    """Return the pulse with a frequency in hertz and a part of the period in which it is high.

    Raises:
        DriverError: The counter cannot generate it.
    """
    if not (0.0 < frequency < math.inf and 0.0 < duty < 1.0):
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE, f"Frequency: {frequency}\nDuty Cycle: {duty}"
        )
    ticks = round(timebase / frequency)
    high = round(ticks * duty)
    return Pulse(high, ticks - high).check()


def by_time(high: float, low: float, timebase: float) -> Pulse:
    """Return the pulse with two times in seconds.

    Raises:
        DriverError: The counter cannot generate it.
    """
    if not (0.0 < high < math.inf and 0.0 < low < math.inf):
        raise DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"High Time: {high}\nLow Time: {low}")
    return Pulse(round(high * timebase), round(low * timebase)).check()


def pulse_of(channel: Channel) -> tuple[Pulse, float]:
    """Return the configured pulse of a channel, and the seconds before the first one.

    Raises:
        DriverError: The counter cannot generate it.
    """
    get, timebase = channel.attributes.__getitem__, timebase_of_output(channel)
    kind = UsageTypeCO(get("CO_OUTPUT_TYPE"))
    if kind is UsageTypeCO.PULSE_FREQUENCY:
        pulse = by_frequency(get("CO_PULSE_FREQ"), get("CO_PULSE_DUTY_CYC"), timebase)
        return pulse, float(get("CO_PULSE_FREQ_INITIAL_DELAY"))
    if kind is UsageTypeCO.PULSE_TIME:
        pulse = by_time(get("CO_PULSE_HIGH_TIME"), get("CO_PULSE_LOW_TIME"), timebase)
        return pulse, float(get("CO_PULSE_TIME_INITIAL_DELAY"))
    pulse = Pulse(get("CO_PULSE_HIGH_TICKS"), get("CO_PULSE_LOW_TICKS")).check()
    return pulse, get("CO_PULSE_TICKS_INITIAL_DELAY") / timebase


def timebase_of_output(channel: Channel) -> float:
    """Return the hertz of a counter output's timebase."""
    return float(channel.attributes["CO_CTR_TIMEBASE_RATE"])


class _Counter:
    """The output of one counter: what it puts out, and where."""

    def __init__(self, task: Task, channel: Channel) -> None:
        self._hardware = task.hardware
        device = channel.devices[0]
        self.channel = channel
        self.pulse, self.delay = pulse_of(channel)
        self.timebase = timebase_of_output(channel)
        self.idles_high = channel.attributes["CO_PULSE_IDLE_STATE"] == Level.HIGH.value
        own = output_of(channel)
        self.terminals = (own, terminal_name(str(channel.attributes["CO_PULSE_TERM"]), device))
        self.signal = self._hardware.pulses.setdefault(own, Pulses())
        self._hardware.pulses[self.terminals[1]] = self.signal
        self.is_real = is_on_bench(self._hardware, device)
        if self.is_real:
            check_supported(channel)
        self.begin = math.inf
        """The begin of the present train."""

    @property
    def period(self) -> float:
        """Seconds of the present pulse."""
        return self.pulse.ticks / self.timebase

    def start(self, at: float) -> None:
        """Put out pulses from a time on."""
        self.begin = at
        active = self.pulse.low if self.idles_high else self.pulse.high
        width = active / self.timebase
        self.signal.begin(Train(at, self.period, width, not self.idles_high))
        share = width / self.period
        before, within = (LOGIC_HIGH, 0.0) if self.idles_high else (0.0, LOGIC_HIGH)
        wave = Cycle((Corner(0.0, within), Corner(share, before)), 1.0 / self.period, at)
        self._drive(Output("voltage", 0.0, -math.inf, math.inf, RESISTANCE, wave), at)

    def stop(self, at: float) -> None:
        """Put out the idle state from a time on."""
        self.signal.end(at)
        level = LOGIC_HIGH if self.idles_high else 0.0
        self._drive(Output("voltage", level, -math.inf, math.inf, RESISTANCE), at)

    def _drive(self, output: Output, at: float) -> None:
        if self.is_real:
            self._hardware.bench.drive(self.terminals[1], output, at)

    def next_pulse(self, at: float) -> float:
        """Return when the next pulse begins, at or after a time; infinity if none is known."""
        edges = PulseInput(self.signal, math.nextafter(at, -math.inf)).take(2, math.inf)
        rising = not self.idles_high
        return next((edge.at for edge in edges if edge.rising is rising), math.inf)


class CounterOutput(Run):
    """One generation of pulses.

    Args:
        task: The task, with counter outputs.
        plan: Its timing. On demand means one pulse.
        start: Time of the start.
    """

    def __init__(self, task: Task, plan: Plan, start: float) -> None:
        super().__init__(task, plan, start)
        self._counters = [_Counter(task, channel) for channel in task.channels]
        for counter in self._counters:
            counter.stop(start)
            self._attach(counter)
            counter.channel.attributes.computed |= {
                "CO_PULSE_DONE": lambda: self.is_done,
                "CO_RDY_FOR_NEW_VAL": lambda: True,
            }
        self.begin(self._generate(start))

    @property
    def is_done(self) -> bool:
        """Whether all pulses were put out."""
        return self.finished

    def _attach(self, counter: _Counter) -> None:
        """Put the pulses onto the terminals that no net has. A net gets them as a voltage."""
        bench = self.task.hardware.bench
        names = tuple(name for name in counter.terminals if not bench.is_wired(name))
        width = counter.pulse.high / counter.timebase
        bench.bus.attach(Stream(self, names, counter.next_pulse, width))

    def change(self, pulse: Pulse) -> None:
        """Put out another pulse on the only counter, from the end of its present period on."""
        (counter,), now = self._counters, self.task.hardware.now
        counter.pulse, before = pulse, counter.period
        if counter.begin <= now:
            periods = math.floor((now - counter.begin) / before + _CLOSE) + 1
            at = counter.begin + periods * before
            self.begin(self._restart(counter, pulse, at))

    def _restart(self, counter: _Counter, pulse: Pulse, at: float) -> Script:
        yield at
        if counter.pulse is pulse:  # No other one replaced it meanwhile.
            counter.start(at)

    def end(self) -> None:
        """Stop in whatever pulse, and put out the idle state."""
        if not self.finished:
            for counter in self._counters:
                counter.stop(self.task.hardware.now)
        super().end()

    def _generate(self, start: float) -> Script:
        if Wait.START in awaited(self.task, self.plan):
            start = yield Wait.START
        self.origin = start
        self.emit(Wait.START.value, start)
        for counter in self._counters:
            self.begin(partial(self._begin_counter, counter, start + counter.delay)())
        if self.plan.mode is Mode.CONTINUOUS:
            yield math.inf
        count = 1 if self.plan.mode is Mode.ON_DEMAND else self.plan.length
        ends = [(start + c.delay + count * c.period, c) for c in self._counters]
        for at, counter in sorted(ends, key=lambda each: each[0]):
            yield at
            counter.stop(at)
        self.task.events.done(0)
        self.task.lock.notify_all()

    def _begin_counter(self, counter: _Counter, at: float) -> Script:
        yield at
        counter.start(at)
