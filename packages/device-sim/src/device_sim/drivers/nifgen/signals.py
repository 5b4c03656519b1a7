"""The output of a generator as functions of time.

Each signal is periodic and in closed form, so any time can be asked for, in any order. Times are in
seconds since the signal began, voltages in volts across the load that the client configured.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Protocol

import numpy as np
from nifgen.enums import Waveform
from numpy.typing import NDArray

from device_sim.bench import Held, Sine, Wave, waves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOISE_RATE = 250e6
"""Values of noise in a second."""

_SLACK = 1e-6  # Of a sample: times are rounded, and must not fall into the sample before.


class Signal:
    """A periodic voltage."""

    @property
    def period(self) -> float:
        """Return the seconds after which it repeats; infinity if it does not."""
        return math.inf

    def at(self, seconds: Floats) -> Floats:
        """Return the voltages at some times."""
        raise NotImplementedError

    def before(self, seconds: float) -> float:
        """Return the voltage just before a time."""
        return float(self.at(np.array([max(math.nextafter(seconds, -math.inf), 0.0)]))[0])

    def markers(self, marker: int, seconds: float) -> int:
        """Return how often a marker came before a time."""
        return 0

    def next_marker(self, marker: int, seconds: float) -> float:
        """Return the time of the first marker at or after a time; infinity if none comes."""
        return math.inf

    def next_cycle(self, seconds: float) -> float:
        """Return when the first cycle at or after a time begins; infinity without cycles."""
        return math.inf

    # For the bench: a constant voltage, and a wave on top of it.

    @property
    def level(self) -> float:
        """Return the constant part of the voltage."""
        return 0.0

    def wave(self, begin: float, scale: float) -> Wave | None:
        """Return the rest, with each voltage times `scale`, as it is from `begin` on."""
        return None

    def steps(self) -> Iterator[tuple[float, Signal]]:
        """Yield the signals of one frequency in turn, each with its seconds."""
        yield math.inf, self


@dataclass(frozen=True)
class Level(Signal):
    """A constant voltage."""

    volts: float

    @property
    def level(self) -> float:
        """Return the voltage."""
        return self.volts

    def at(self, seconds: Floats) -> Floats:
        """Return the voltage."""
        return np.full(seconds.shape, self.volts)


@dataclass(frozen=True, slots=True)
class Shape:
    """A standard function, without frequency."""

    waveform: int
    """One of Waveform."""

    amplitude: float
    """Volts from peak to peak."""

    offset: float
    """Volts of the centre."""

    duty: float
    """Percentage of a cycle in which a square is high."""

    points: Floats | None
    """One cycle of the user's own waveform, from -1 to 1."""

    def at(self, turns: Floats) -> Floats:
        """Return the voltages at some phases, counted in cycles."""
        return self.offset + self.amplitude / 2.0 * self._unit(turns)

    def wave(self, frequency: float, phase: float, begin: float, scale: float) -> Wave | None:
        """Return the function without its offset, with a phase in degrees at `begin`."""
        half = self.amplitude / 2.0 * scale
        if not (frequency and half):
            return None
        start = begin - phase / 360.0 / frequency
        if self.waveform == Waveform.SINE.value:
            at_zero = (phase - 90.0 - 360.0 * ((frequency * begin) % 1.0)) % 360.0
            return Sine(frequency, half / math.sqrt(2.0), at_zero)
        if self.waveform == Waveform.SQUARE.value:
            duty = self.duty / 100.0
            return waves.square(-half, half, frequency, duty=duty, begin=start)
        if self.waveform == Waveform.TRIANGLE.value:
            return waves.triangle(-half, half, frequency, begin=start)
        if self.waveform == Waveform.RAMP_UP.value:
            return waves.ramp(-half, half, frequency, begin=start)
        if self.waveform == Waveform.RAMP_DOWN.value:
            return waves.ramp(half, -half, frequency, begin=start)
        if self.points is None:
            return None
        points = self.points
        count = len(points)
        return Held(lambda numbers: half * points[numbers], frequency * count, start, count)

    def _unit(self, turns: Floats) -> Floats:
        within = turns - np.floor(turns)
        if self.waveform == Waveform.SINE.value:
            unit = np.sin(2.0 * math.pi * within)
        elif self.waveform == Waveform.SQUARE.value:
            unit = np.where(within < self.duty / 100.0, 1.0, -1.0)
        elif self.waveform == Waveform.TRIANGLE.value:
            unit = 1.0 - np.abs((4.0 * within + 1.0) % 4.0 - 2.0)
        elif self.waveform == Waveform.RAMP_UP.value:
            unit = 2.0 * within - 1.0
        elif self.waveform == Waveform.RAMP_DOWN.value:
            unit = 1.0 - 2.0 * within
        elif self.waveform == Waveform.USER.value and self.points is not None:
            index = np.floor(within * len(self.points) + _SLACK).astype(np.int64)
            unit = self.points[index % len(self.points)]
        else:  # DC: the offset alone.
            unit = np.zeros(within.shape)
        return np.asarray(unit)


@dataclass(frozen=True)
class Function(Signal):
    """A standard function, or a list of frequencies of one.

    The phase goes on where the frequency changes.
    """

    shape: Shape
    """The function."""

    frequencies: Sequence[float]
    """The frequencies in turn, in hertz."""

    durations: Sequence[float] = (math.inf,)
    """The seconds of each. After the last one, the list starts again."""

    phase: float = 0.0
    """The phase at the beginning, in degrees."""

    @property
    def period(self) -> float:
        """Return the length of the list; that of a cycle if there is no list."""
        total = sum(self.durations)
        if math.isinf(total) and len(self.durations) == 1 and self.frequencies[0]:
            return 1.0 / self.frequencies[0]
        return total

    @cached_property
    def _begins(self) -> Floats:
        return np.concatenate(([0.0], np.cumsum(self.durations)[:-1]))

    @cached_property
    def _turns(self) -> Floats:
        """Return the cycles before each frequency."""
        lengths = np.array(self.durations[:-1])
        return np.concatenate(([0.0], np.cumsum(np.array(self.frequencies[:-1]) * lengths)))

    def at(self, seconds: Floats) -> Floats:
        """Return the voltages at some times."""
        total = sum(self.durations)
        laps = np.zeros(seconds.shape) if math.isinf(total) else np.floor(seconds / total)
        within = seconds - laps * total if math.isfinite(total) else seconds
        which = np.searchsorted(self._begins, within, side="right") - 1
        turns = self._turns[which] + np.array(self.frequencies)[which] * (
            within - self._begins[which]
        )
        if math.isfinite(total):
            turns += laps * (self._turns[-1] + self.frequencies[-1] * self.durations[-1])
        return self.shape.at(turns + self.phase / 360.0)

    def steps(self) -> Iterator[tuple[float, Signal]]:
        """Yield the signals of one frequency in turn, each with its seconds."""
        if len(self.frequencies) == 1:
            yield math.inf, self
            return
        phase = self.phase
        for frequency, duration in cycle(zip(self.frequencies, self.durations, strict=True)):
            yield duration, Function(self.shape, (frequency,), phase=phase)
            phase = (phase + 360.0 * ((frequency * duration) % 1.0)) % 360.0

    @property
    def level(self) -> float:
        """Return the offset; with the frequency 0, the voltage of the phase."""
        if self.frequencies[0] > 0.0:
            return self.shape.offset
        return float(self.shape.at(np.array(self.phase / 360.0)))

    def next_cycle(self, seconds: float) -> float:
        """Return when the first cycle at or after a time begins; infinity without cycles."""
        frequency, start = self.frequencies[0], self.phase / 360.0
        if len(self.frequencies) > 1 or not frequency:
            return math.inf
        turn = math.ceil(seconds * frequency + start - _SLACK)
        turn += (turn - start) / frequency < seconds
        return (turn - start) / frequency

    def wave(self, begin: float, scale: float) -> Wave | None:
        """Return the function without its offset, as it is from `begin` on."""
        return self.shape.wave(self.frequencies[0], self.phase % 360.0, begin, scale)


@dataclass(frozen=True)
class Noise(Signal):
    """White noise, evenly distributed. Equal times have equal values."""

    shape: Shape
    """Amplitude and offset."""

    seed: int
    """The number of the channel: two channels differ."""

    def at(self, seconds: Floats) -> Floats:
        """Return the voltages at some times."""
        return self.level + self.wave(0.0, 1.0).values(seconds)

    @property
    def level(self) -> float:
        """Return the offset."""
        return self.shape.offset

    def wave(self, begin: float, scale: float) -> Wave:
        """Return the noise."""
        return waves.noise(self.shape.amplitude / 2.0 * scale, NOISE_RATE, self.seed, begin=begin)


class Pattern(Protocol):
    """Some samples in a row, from -1 to 1."""

    @property
    def length(self) -> int:
        """Return the number of samples."""
        ...

    def samples(self, index: Integers) -> Floats:
        """Return the samples at some positions."""
        ...

    def events(self, marker: int, length: int) -> int:
        """Return how often a marker comes in the first samples."""
        ...


@dataclass(frozen=True, slots=True)
class Samples:
    """A waveform, or a part of one."""

    values: Floats
    """The samples."""

    marks: tuple[tuple[int, int], ...] = ()
    """Markers, each with the position at which it comes."""

    @property
    def length(self) -> int:
        """Return the number of samples."""
        return len(self.values)

    def samples(self, index: Integers) -> Floats:
        """Return the samples at some positions."""
        return self.values[index]

    def events(self, marker: int, length: int) -> int:
        """Return how often a marker comes in the first samples."""
        return sum(number == marker and position < length for number, position in self.marks)


class Chain:
    """Patterns one after the other, each with its number of loops."""

    def __init__(self, steps: Sequence[tuple[Pattern, int]]) -> None:
        self._steps = steps
        lengths = [pattern.length * loops for pattern, loops in steps]
        self.length = sum(lengths)
        """The number of samples."""
        self._ends = np.cumsum(np.array(lengths, dtype=np.float64)).astype(np.int64)

    def samples(self, index: Integers) -> Floats:
        """Return the samples at some positions."""
        values = np.empty(index.shape)
        which = np.searchsorted(self._ends, index, side="right")
        for step in np.unique(which):
            pattern, loops = self._steps[step]
            chosen = which == step
            begin = self._ends[step] - pattern.length * loops
            values[chosen] = pattern.samples((index[chosen] - begin) % pattern.length)
        return values

    def events(self, marker: int, length: int) -> int:
        """Return how often a marker comes in the first samples."""
        count = 0
        for pattern, loops in self._steps:
            if length <= 0:
                break
            whole, rest = divmod(min(length, pattern.length * loops), pattern.length)
            count += whole * pattern.events(marker, pattern.length) + pattern.events(marker, rest)
            length -= pattern.length * loops
        return count


@dataclass(frozen=True)
class Clocked(Signal):
    """A pattern at a sample rate. Each sample is held until the next one."""

    pattern: Pattern
    """The samples, from -1 to 1."""

    rate: float
    """Samples in a second."""

    gain: float
    """Volts of a sample of 1."""

    offset: float
    """Volts added to all."""

    scale: float = 1.0
    """Digital gain of the samples. They are clipped at -1 and 1."""

    @property
    def period(self) -> float:
        """Return the seconds of the pattern."""
        return self.pattern.length / self.rate

    def _index(self, seconds: Floats) -> Integers:
        return np.floor(seconds * self.rate + _SLACK).astype(np.int64)

    def at(self, seconds: Floats) -> Floats:
        """Return the voltages at some times."""
        samples = self.pattern.samples(self._index(seconds) % self.pattern.length)
        return self.offset + self.gain * np.clip(self.scale * samples, -1.0, 1.0)

    @property
    def level(self) -> float:
        """Return the offset."""
        return self.offset

    def wave(self, begin: float, scale: float) -> Wave:
        """Return the samples, as they come from `begin` on."""

        def volts(numbers: Integers) -> Floats:
            return (
                scale * self.gain * np.clip(self.scale * self.pattern.samples(numbers), -1.0, 1.0)
            )

        return Held(volts, self.rate, begin, self.pattern.length)

    def before(self, seconds: float) -> float:
        """Return the voltage just before a time."""
        index = max(math.ceil(seconds * self.rate - _SLACK) - 1, 0)
        return float(self.at(np.array([(index + 0.5) / self.rate]))[0])

    def markers(self, marker: int, seconds: float) -> int:
        """Return how often a marker came before a time."""
        begun = math.ceil(seconds * self.rate - _SLACK)
        whole, rest = divmod(begun, self.pattern.length)
        of_each = self.pattern.events(marker, self.pattern.length)
        return whole * of_each + self.pattern.events(marker, rest)

    def next_marker(self, marker: int, seconds: float) -> float:
        """Return the time of the first marker at or after a time; infinity if none comes."""
        pattern = self.pattern
        if not pattern.events(marker, pattern.length):
            return math.inf
        index = math.ceil(seconds * self.rate - _SLACK)
        index += index / self.rate < seconds  # The time is that of a marker, but for rounding.
        passes, rest = divmod(index, pattern.length)
        before = pattern.events(marker, rest)
        if before == pattern.events(marker, pattern.length):
            passes, before = passes + 1, 0
        position = bisect_left(
            range(pattern.length), before + 1, key=lambda last: pattern.events(marker, last + 1)
        )
        return (passes * pattern.length + position) / self.rate
