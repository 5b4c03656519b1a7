"""Read the bench: the exact values at channels and nets at any time of the known past.

Nothing here has an effect on the bench.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from device_sim.bench import small_signal
from device_sim.bench.circuit import Circuit, Solution
from device_sim.bench.course import Course
from device_sim.bench.equations import Nets, Vector
from device_sim.bench.grid import Grid
from device_sim.bench.history import History, net_key
from device_sim.bench.parts import Terminal
from device_sim.bench.run import Probe
from device_sim.bench.waves import Sine

Place = str | Nets
"""A channel by its key; or two nets that a part joins, positive first."""

_POINTS = 8192  # Samples of an alternating voltage that is not a sine,
_CYCLES = 16  # over at most so many cycles.
_SHORTEST = 1e-3  # Seconds over which noise is sampled at least.


@dataclass(frozen=True, slots=True)
class State:
    """The exact values at a channel's terminals, without the instrument's own deviations."""

    voltage: float
    """Volts, the mean over the aperture."""

    current: float
    """Amperes out of the high terminal, the mean over the aperture."""

    limited: bool
    """True if the channel's output was at a limit at the end."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The exact values at a channel's terminals at some times."""

    voltages: Vector
    """Volts."""

    currents: Vector
    """Amperes out of the high terminal."""


@dataclass(frozen=True, slots=True)
class Alternating:
    """The alternating part of a voltage."""

    rms: float
    """Its effective value, in volts."""

    frequency: float
    """That of its strongest sine, or of its whole cycle, in hertz; NaN without one."""


class Observer:
    """Reads the courses of all circuits. The caller holds the lock of the bench.

    Args:
        history: The courses.
        terminals: The present action of each wired channel, by its key.
        ground: The net with 0 V.
    """

    def __init__(self, history: History, terminals: Mapping[str, Terminal], ground: str) -> None:
        self._history = history
        self._terminals = terminals
        self._ground = ground

    # Channels.

    def state(self, key: str, begin: float, end: float) -> State:
        """Return the mean of a wired channel over an aperture."""
        begin, end = max(begin, self._history.begin), max(end, self._history.begin)
        voltage = current = 0.0
        limited = False
        for course, since, until in self._history.pieces(key, begin, end):
            share = (until - since) / (end - begin) if end > begin else 1.0
            if not share:
                continue
            if course is None:
                voltage += share * _open_voltage(self._terminals.get(key))
                limited = False
                continue
            course = course.as_of(since)
            circuit, last = course.circuit, course.solution(until)
            limited = bool(last.modes.get(key, 0))
            observed = course.mean(since, until) if until > since else last.observed
            voltage += share * float(circuit.voltage(observed, key))
            current += share * float(circuit.current(observed, key))
        return State(voltage, current, limited)

    def samples(self, key: str, grid: Grid) -> Samples:
        """Return the values of a wired channel at equidistant times."""
        return Samples(*self._over(grid, key, partial(self._sampled, key)))

    def alternating(self, key: str, begin: float, end: float) -> Alternating:
        """Return the alternating part of the voltage at a channel over an aperture."""
        found = self._at(key, end)
        if found is None or not found[0].waves:
            return Alternating(0.0, math.nan)
        circuit, solution = found
        if circuit.diodes or not all(isinstance(wave, Sine) for wave in circuit.waves):
            return self._sampled_alternating(key, circuit, begin, end)
        parts = [
            (abs(small_signal.phasor(circuit, solution, key, frequency)), frequency)
            for frequency in small_signal.sines(circuit)
        ]
        strongest, frequency = max(parts)
        rms = math.hypot(*(amplitude for amplitude, _ in parts))
        return Alternating(rms, frequency if strongest else math.nan)

    def _sampled_alternating(
        self, key: str, circuit: Circuit, begin: float, end: float
    ) -> Alternating:
        period = max(wave.period for wave in circuit.waves)
        cycles = min(max(math.floor((end - begin) / period), 1), _CYCLES)
        length = cycles * period if math.isfinite(period) else max(end - begin, _SHORTEST)
        spacing = length / _POINTS
        volts = self.samples(key, Grid(end - length, spacing, _POINTS)).voltages
        rms = float(volts.std())
        return Alternating(rms, 1.0 / period if rms and math.isfinite(period) else math.nan)

    def impedance(self, key: str, frequency: float, at: float) -> complex:
        """Return the ohms that a channel sees at a frequency and time, infinity if open."""
        found = self._at(key, at)
        if found is None:
            return complex(math.inf)
        return small_signal.impedance(*found, key, frequency)

    def changes(self, key: str, begin: float, end: float) -> list[float]:
        """Return the times between two times at which the circuit of a channel or net changed."""
        return self._history.changes(key, begin, end)

    # Nets.

    def net_voltage(self, net: str, at: float) -> float:
        """Return the volts of a net against ground; 0 without a connection."""
        found = self._at(net_key(net), at)
        if found is None:
            return 0.0
        circuit, solution = found
        return float(circuit.nodes.across(solution.observed, (net, self._ground)))

    def is_stepped(self, key: str) -> bool:
        """Return whether the present course of a channel is computed in steps into the future."""
        course = self._history.last(key)
        return course is not None and course.is_stepped

    # Nets and channels alike.

    def volts(self, place: Place, at: Grid | Vector) -> Vector:
        """Return the voltage at a place at some ascending times."""

        def sampled(course: Course | None, part: Grid | Vector) -> Vector:
            if isinstance(place, str):
                return self._sampled(place, course, part)
            if course is None:
                return np.zeros((1, _count(part)))
            across = partial(course.circuit.nodes.across, nets=place)
            return _values(course, part, lambda observed: np.array([across(observed)]))

        key = self._key_of(place)
        if isinstance(at, Grid):
            return np.asarray(self._over(at, key, sampled)[0])
        return np.asarray(self._at_times(at, key, sampled)[0])

    def pieces(
        self, place: Place, begin: float, end: float
    ) -> list[tuple[Course | None, float, float]]:
        """Return the courses of a place in a time, with the part of the time that each covers."""
        begin = max(begin, self._history.begin)
        return list(self._history.pieces(self._key_of(place), begin, max(begin, end)))

    def state_of_courses(self, place: Place, begin: float, end: float) -> object:
        """Return an object that is equal to that of another time if nothing was changed since."""
        return [
            (course, number and since, course and sum(w.version for w in course.circuit.waves))
            for number, (course, since, _) in enumerate(self.pieces(place, begin, end))
        ]

    def _key_of(self, place: Place) -> str:
        if isinstance(place, str):
            return place
        return net_key(place[1] if place[0] == self._ground else place[0])

    # Courses.

    def _at(self, key: str, time: float) -> tuple[Circuit, Solution] | None:
        """Return the circuit of a channel at a time, None if it is disconnected."""
        time = max(time, self._history.begin)
        ((course, time, _),) = self._history.pieces(key, time, time)
        if course is None:
            return None
        course = course.as_of(time)
        return course.circuit, course.solution(time)

    def _over(
        self, grid: Grid, key: str, sampled: Callable[[Course | None, Grid], Vector]
    ) -> Vector:
        """Return some values in the island of a channel or net, a row for each.

        Args:
            grid: The times.
            key: The key of the channel or net.
            sampled: Return the values in a course; None while it is disconnected.
        """
        early = grid.count_before(self._history.begin)
        known = grid.part(min(early, grid.count - 1), grid.count)
        known = known.not_before(self._history.begin)
        pieces = list(self._history.pieces(key, known.begin, known.end))
        courses = [course and course.as_of(since) for course, since, _ in pieces]
        parts = [
            sampled(courses[number], part)
            for number, part in known.split([since for _, since, _ in pieces])
        ]
        values = np.concatenate(parts, axis=1)
        # Before the known past, everything was as at its begin.
        before = np.repeat(values[:, :1], grid.count - values.shape[1], axis=1)
        return np.concatenate((before, values), axis=1)

    def _at_times(
        self, times: Vector, key: str, sampled: Callable[[Course | None, Vector], Vector]
    ) -> Vector:
        """Return what `_over` returns, at any ascending times."""
        times, inverse = np.unique(np.maximum(times, self._history.begin), return_inverse=True)
        pieces = list(self._history.pieces(key, float(times[0]), float(times[-1])))
        firsts = np.searchsorted(times, [since for _, since, _ in pieces[1:]])
        parts = [
            sampled(course and course.as_of(since), part)
            for (course, since, _), part in zip(pieces, np.split(times, firsts), strict=True)
            if len(part)
        ]
        return np.asarray(np.concatenate(parts, axis=1)[:, inverse])

    def _sampled(self, key: str, course: Course | None, at: Grid | Vector) -> Vector:
        if course is None:
            level = np.full(_count(at), _open_voltage(self._terminals.get(key)))
            return np.array([level, np.zeros(_count(at))])
        circuit = course.circuit

        def probe(observed: Vector) -> Vector:
            return np.array([circuit.voltage(observed, key), circuit.current(observed, key)])

        return _values(course, at, probe)


def _count(at: Grid | Vector) -> int:
    return at.count if isinstance(at, Grid) else len(at)


def _values(course: Course, at: Grid | Vector, probe: Probe) -> Vector:
    return course.values(at, probe) if isinstance(at, Grid) else course.values_at(at, probe)


def _open_voltage(terminal: Terminal | None) -> float:
    """Return the voltage at a channel's terminals when its wire is broken."""
    level = getattr(terminal, "level", 0.0) if terminal is not None else 0.0
    quantity = getattr(terminal, "quantity", "")
    if quantity == "current":
        return float(getattr(terminal, "high" if level >= 0 else "low"))
    return float(level)
