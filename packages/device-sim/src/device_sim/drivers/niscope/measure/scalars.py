"""Scalar measurements on one waveform.

A measurement that the waveform does not allow, such as the period of a constant, is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from niscope.enums import ScalarMeasurement

from device_sim.drivers.niscope.measure.levels import Levels, Settings, Volts, find_levels


class Scalars:
    """The scalar measurements on a waveform.

    Args:
        volts: The samples, at least one.
        rate: Samples per second.
        get: Return the value of an attribute of the channel.
        other: Return the measurements of the channel that `meas_other_channel` names.
    """

    def __init__(
        self, volts: Volts, rate: float, get: Settings, other: Callable[[], Scalars]
    ) -> None:
        self.volts = volts
        self.rate = rate
        self._get = get
        self._other = other

    def measure(self, function: int) -> float:
        """Return one measurement.

        Raises:
            KeyError: There is no such measurement.
        """
        with np.errstate(all="ignore"):
            return float(_FUNCTIONS[function](self))

    # Levels.

    @cached_property
    def levels(self) -> Levels:
        """The states and references."""
        return find_levels(self.volts, self._get)

    @property
    def amplitude(self) -> float:
        """Volts from the low to the high state."""
        return self.levels.high - self.levels.low

    @property
    def overshoot(self) -> float:
        """Percent of the amplitude by which the maximum is above the high state."""
        return _ratio(100.0 * (float(self.volts.max()) - self.levels.high), self.amplitude)

    @property
    def preshoot(self) -> float:
        """Percent of the amplitude by which the minimum is below the low state."""
        return _ratio(100.0 * (self.levels.low - float(self.volts.min())), self.amplitude)

    # Edges. Positions are in samples from the first one, with a fraction.

    @cached_property
    def edges(self) -> tuple[Volts, Volts]:
        """The positions at which the waveform crosses the middle reference, up and down."""
        levels, half = self.levels, self.levels.hysteresis / 2.0
        side = np.zeros(len(self.volts), dtype=np.int8)
        side[self.volts >= levels.mid_ref + half] = 1
        side[self.volts <= levels.mid_ref - half] = -1
        known = np.flatnonzero(side)
        changes = known[1:][np.diff(side[known]) != 0]
        found = []
        for sign in (1, -1):
            crossings = _crossings(sign * self.volts, sign * levels.mid_ref)
            ends = changes[side[changes] == sign]
            # The last crossing before the waveform is clearly on the other side.
            places = np.searchsorted(crossings, ends, side="right") - 1
            found.append(crossings[places[places >= 0]])
        return found[0], found[1]

    def transition(self, sign: int) -> float:
        """Return the seconds of the first rise (sign 1) or fall (sign -1) between references."""
        levels = self.levels
        first, last = (levels.low_ref, levels.high_ref)[::sign]
        begins = _crossings(sign * self.volts, sign * first)
        ends = _crossings(sign * self.volts, sign * last)
        for middle in self.edges[0 if sign > 0 else 1]:
            before, after = begins[begins <= middle], ends[ends >= middle]
            if len(before) and len(after):
                return float(after[0] - before[-1]) / self.rate
        return math.nan

    def slew_rate(self, sign: int) -> float:
        """Return the volts per second of the first rise (sign 1) or fall (sign -1)."""
        swing = self.levels.high_ref - self.levels.low_ref
        return _ratio(sign * swing, self.transition(sign))

    @cached_property
    def cycle_edges(self) -> Volts:
        """The edges that divide the waveform into cycles: those of the first edge's direction."""
        up, down = self.edges
        if not len(up) or not len(down):
            return up if len(up) else down
        return up if up[0] < down[0] else down

    @property
    def period(self) -> float:
        """Seconds of the first cycle."""
        edges = self.cycle_edges
        return float(edges[1] - edges[0]) / self.rate if len(edges) > 1 else math.nan

    @property
    def average_period(self) -> float:
        """Mean of the seconds of all cycles."""
        edges = self.cycle_edges
        if len(edges) < 2:
            return math.nan
        return float(edges[-1] - edges[0]) / (len(edges) - 1) / self.rate

    def width(self, sign: int) -> float:
        """Return the seconds of the first positive (sign 1) or negative (sign -1) pulse."""
        begins, ends = self.edges[::sign]
        if not len(begins):
            return math.nan
        after = ends[ends > begins[0]]
        return float(after[0] - begins[0]) / self.rate if len(after) else math.nan

    def duty_cycle(self, sign: int) -> float:
        """Return the percent of a period in which the waveform is positive or negative."""
        return _ratio(100.0 * self.width(sign), self.period)

    # Means and integrals.

    def cycle_integral(self, power: int = 1) -> float:
        """Return the integral of a power of the volts over the first cycle, in samples."""
        edges = self.cycle_edges
        if len(edges) < 2:
            return math.nan
        begin, end = float(edges[0]), float(edges[1])
        inner = np.arange(math.floor(begin) + 1, math.ceil(end))
        places = np.concatenate(([begin], inner, [end]))
        volts = np.interp(places, np.arange(len(self.volts)), self.volts) ** power
        return float(np.sum((volts[1:] + volts[:-1]) * np.diff(places)) / 2.0)

    def cycle_mean(self, power: int = 1) -> float:
        """Return the mean of a power of the volts over the first cycle."""
        return self.cycle_integral(power) / (self.period * self.rate)

    @property
    def area(self) -> float:
        """The integral of the waveform in volt seconds."""
        volts = self.volts
        return float(np.sum(volts[1:] + volts[:-1]) / 2.0) / self.rate

    @cached_property
    def estimates(self) -> tuple[float, float]:
        """The constant part, and the RMS of the rest, in a Hann window."""
        window = np.hanning(len(self.volts) + 2)[1:-1]
        weights = window / window.sum()
        constant = float(weights @ self.volts)
        return constant, math.sqrt(float(weights @ (self.volts - constant) ** 2))

    # Spectrum.

    @cached_property
    def peak(self) -> tuple[float, float]:
        """Frequency and RMS volts of the largest line of the spectrum above 0 Hz."""
        if len(self.volts) < 3:
            return math.nan, math.nan
        lines = np.abs(np.fft.rfft(self.volts)) * math.sqrt(2.0) / len(self.volts)
        place = 1 + int(np.argmax(lines[1:]))
        return place * self.rate / len(self.volts), float(lines[place])

    # Two channels.

    @property
    def delay(self) -> float:
        """Seconds from the first edge of this channel to the next such edge of the other one."""
        mine, others = self.edges[0], self._other().edges[0]
        if not len(mine):
            return math.nan
        after = others[others >= mine[0] - 1e-9]
        return float(after[0] - mine[0]) / self.rate if len(after) else math.nan


def _crossings(volts: Volts, level: float) -> Volts:
    """Return the positions at which volts come from below a level."""
    before, after = volts[:-1], volts[1:]
    places = np.flatnonzero((before < level) & (after >= level))
    return np.asarray(places + (level - before[places]) / (after[places] - before[places]))


def _ratio(value: float, to: float) -> float:
    return value / to if to else math.nan


_FUNCTIONS: Mapping[int, Callable[[Scalars], float]] = {
    getattr(ScalarMeasurement, name).value: function
    for name, function in {
        "NO_MEASUREMENT": lambda s: 0.0,
        "RISE_TIME": lambda s: s.transition(1),
        "FALL_TIME": lambda s: s.transition(-1),
        "FREQUENCY": lambda s: _ratio(1.0, s.period),
        "PERIOD": lambda s: s.period,
        "VOLTAGE_RMS": lambda s: math.sqrt(float(np.mean(s.volts**2))),
        "VOLTAGE_PEAK_TO_PEAK": lambda s: np.ptp(s.volts),
        "VOLTAGE_MAX": lambda s: s.volts.max(),
        "VOLTAGE_MIN": lambda s: s.volts.min(),
        "VOLTAGE_HIGH": lambda s: s.levels.high,
        "VOLTAGE_LOW": lambda s: s.levels.low,
        "VOLTAGE_AVERAGE": lambda s: s.volts.mean(),
        "WIDTH_NEG": lambda s: s.width(-1),
        "WIDTH_POS": lambda s: s.width(1),
        "DUTY_CYCLE_NEG": lambda s: s.duty_cycle(-1),
        "DUTY_CYCLE_POS": lambda s: s.duty_cycle(1),
        "AMPLITUDE": lambda s: s.amplitude,
        "VOLTAGE_CYCLE_RMS": lambda s: math.sqrt(s.cycle_mean(2)),
        "VOLTAGE_CYCLE_AVERAGE": lambda s: s.cycle_mean(),
        "OVERSHOOT": lambda s: s.overshoot,
        "PRESHOOT": lambda s: s.preshoot,
        "LOW_REF_VOLTS": lambda s: s.levels.low_ref,
        "MID_REF_VOLTS": lambda s: s.levels.mid_ref,
        "HIGH_REF_VOLTS": lambda s: s.levels.high_ref,
        "AREA": lambda s: s.area,
        "CYCLE_AREA": lambda s: s.cycle_integral() / s.rate,
        "INTEGRAL": lambda s: s.area,
        "VOLTAGE_BASE": lambda s: s.levels.low,
        "VOLTAGE_TOP": lambda s: s.levels.high,
        "FFT_FREQUENCY": lambda s: s.peak[0],
        "FFT_AMPLITUDE": lambda s: s.peak[1],
        "RISE_SLEW_RATE": lambda s: s.slew_rate(1),
        "FALL_SLEW_RATE": lambda s: s.slew_rate(-1),
        "AC_ESTIMATE": lambda s: s.estimates[1],
        "DC_ESTIMATE": lambda s: s.estimates[0],
        "TIME_DELAY": lambda s: s.delay,
        "AVERAGE_PERIOD": lambda s: s.average_period,
        "AVERAGE_FREQUENCY": lambda s: _ratio(1.0, s.average_period),
        "VOLTAGE_BASE_TO_TOP": lambda s: s.amplitude,
        "PHASE_DELAY": lambda s: _ratio(360.0 * s.delay, s.period),
    }.items()
}
