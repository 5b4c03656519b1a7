"""The course of a circuit between two changes of the bench, as a chain of runs.

A circuit without diodes is one run, up to the moment at which an output reaches or leaves a limit.
A circuit with diodes, but without states, is one run, too: its diodes are iterated for each time.
With diodes and states, each run is a step of an exponential Rosenbrock method of fourth order
(Hochbruck, Ostermann, Schweitzer, "Exponential Rosenbrock-type methods", SIAM Journal on Numerical
Analysis 2009).
The chain does not depend on the times that anybody asks for. So all see one history.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from device_sim.bench.circuit import Circuit, Solution
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid, grids_of
from device_sim.bench.regulation import keeps_mode
from device_sim.bench.run import Probe, Run
from device_sim.bench.waves import Sine, Track, Wave
from device_sim.errors import BenchError

_POINTS = 129  # Points at which limits are checked, over all of a time and over its first part.
_FIRST_PART = 2.0**-10
_FINER = 65  # Points in which the moment of a limit is looked for,
_NARROWINGS = 10  # so many times.
_TOLERANCE = 1e-6  # Of a step with diodes, relative.
_FLOOR = 1e-9  # Of a step with diodes, in volts or amperes of a state.
_FIRST_STEP = 1e-3  # Seconds of the first step that is tried.
_PER_CYCLE = 1.0 / 16.0  # The longest step with diodes, of the cycle of a sine.
_SMALLEST = 2.0**-50  # Of the time: no step is smaller.
_CYCLES = 8  # A circuit repeats itself if it does not change over so many cycles,
_SAME = 4.0  # by so many times the tolerance.
_MOST_STEPS = 200_000  # In one chain; more take minutes.
_COMBINATIONS = 4096  # Of the voltages of waves that are solved one by one.
_MOST_KINKS = 2**20  # Of the waves in a mean over such combinations.
_STEPS = 4  # Steps of tracks in a time in which limits are looked for.
_KEPT = 10_000  # Runs of a chain that stay in memory.


class Course:
    """The course of one circuit from given states on.

    Args:
        circuit: The circuit.
        states: Its states at its `now`.
    """

    def __init__(self, circuit: Circuit, states: Vector) -> None:
        self.circuit = circuit
        self._first = states
        self.is_stepped = bool(circuit.diodes) and len(states) > 0
        """True if it is computed in steps, which may reach into the future."""
        self._limited = [
            name for name, output in circuit.outputs.items() if math.isfinite(output.high)
        ]
        self._tracks = [wave for wave in circuit.waves if isinstance(wave, Track)]
        self._is_static = bool(self._limited) and self._only_steps()
        self._moments: dict[bytes, Vector] = {}
        """What is observed for each combination of the waves' voltages, in a static circuit."""
        self._cycle = min(
            (w.period for w in circuit.waves if isinstance(w, Sine)), default=math.inf
        )
        self.period = _common_period([wave.period for wave in circuit.waves])
        """The seconds of a cycle of all waves; infinity without one."""
        self._begin_again()

    def _begin_again(self) -> None:
        self._runs: list[Run] = [Run(self.circuit, self.circuit.now, self._first)]
        self._known = self.circuit.now
        """The time up to which the chain is known. The last run goes on after it."""
        self._step = math.inf
        """The length of the last run."""
        self._kink = -math.inf
        """The next kink of a wave."""
        self._wanted = _FIRST_STEP
        """The length that the next run should have."""
        self._repeats = math.inf
        """The begin of the cycle that repeats for ever; infinity if none is known."""
        self._check = self.circuit.now + _CYCLES * self.period
        """The time at which the states are compared with those at the time before."""
        self._checked = np.full(len(self._first), math.inf)
        """The states at the last such time."""
        if self.is_stepped:
            self._take_step(self._runs[-1])

    def as_of(self, time: float) -> Course:
        """Return the course with the values that drifting parts have at a time, from then on."""
        if not any(part.values["drift"] for part in self.circuit.parts):
            return self
        circuit = Circuit(*self.circuit.made_of, time)
        return Course(circuit, self.states(time))

    # Asking.

    def states(self, time: float) -> Vector:
        """Return the states at a time not before the circuit's `now`."""
        if not len(self._first):
            return self._first
        self._know(time)
        time = float(self._folded(np.array(time)))
        return self._runs[self._number_at(time)].states(time)

    def solution(self, time: float) -> Solution:
        """Return the whole circuit at a time."""
        return self.circuit.solve(self.states(time), self.circuit.wave_values(time))

    def mean(self, begin: float, end: float) -> Vector:
        """Return the mean of the observed values from one time to a later one."""
        if self._is_static and (total := self._static_integral(begin, end)) is not None:
            return total / (end - begin)
        total = np.zeros(len(self._runs[0].moment.observed))
        self._know(end)
        for since, until, times in self._cycles(begin, end):
            for run, first, last in self._between(since, until):
                total += run.mean(first, last) * times * (last - first)
        return total / (end - begin)

    def values(self, grid: Grid, probe: Probe) -> Vector:
        """Return some observed values at the times of a grid, a row for each."""
        if self._is_static and (observed := self._observed_at(grid.times)) is not None:
            return probe(observed)
        self._know(grid.end)
        begins = [run.begin for run in self._runs]
        if self.is_stepped:
            return self._values_in_steps(np.array(begins), self._folded(grid.times), probe)
        return np.concatenate(
            [self._runs[number].values(part, probe) for number, part in grid.split(begins)],
            axis=1,
        )

    def values_at(self, times: Vector, probe: Probe) -> Vector:
        """Return some observed values at ascending times, a row for each value."""
        if self._is_static and (observed := self._observed_at(times)) is not None:
            return probe(observed)
        self._know(float(times[-1]))
        begins = np.array([run.begin for run in self._runs])
        if self.is_stepped or not len(self._first):
            return self._values_in_steps(begins, self._folded(times), probe)
        return np.concatenate([self.values(grid, probe) for grid in grids_of(times)], axis=1)

    def _values_in_steps(self, begins: Vector, times: Vector, probe: Probe) -> Vector:
        """Return what `values` does. Each step of the chain is asked only once."""
        numbers = np.maximum(np.searchsorted(begins, times, side="right") - 1, 0)
        order = np.argsort(numbers, kind="stable")
        chosen, firsts = np.unique(numbers[order], return_index=True)
        result = np.empty((len(probe(self._runs[0].moment.observed)), len(times)))
        for number, places in zip(chosen, np.split(order, firsts[1:]), strict=True):
            result[:, places] = self._runs[number].values(times[places], probe)
        return result

    # A circuit without states whose waves only step: each combination of them is solved once.

    def _only_steps(self) -> bool:
        waves = self.circuit.waves
        return not len(self._first) and bool(waves) and all(wave.is_stepped for wave in waves)

    def _static_integral(self, begin: float, end: float) -> Vector | None:
        """Return the integral of the observed values; None if the waves have too many kinks."""
        whole = math.floor((end - begin) / self.period)
        if whole >= 2:  # The rest is a period and a part of one, so no time is empty.
            whole -= 1
            one = self._static_integral(begin, begin + self.period)
            rest = self._static_integral(begin + whole * self.period, end)
            return None if one is None or rest is None else whole * one + rest
        waves = self.circuit.waves
        if _count(waves, begin, end) > _MOST_KINKS:
            return None
        steps = _steps(waves, begin, end)
        observed = self._observed_at(steps)
        return None if observed is None else observed @ np.diff(steps, append=end)

    def _observed_at(self, times: Vector) -> Vector | None:
        """Return all observed values, a column for each time; None if they are too many."""
        number = np.zeros(len(times), np.int64)
        levels = [wave.values(times) for wave in self.circuit.waves]
        for volts in levels:
            different, place = np.unique(volts, return_inverse=True)
            _, number = np.unique(number * len(different) + place, return_inverse=True)
        _, firsts, inverse = np.unique(number, return_index=True, return_inverse=True)
        if len(firsts) > _COMBINATIONS:
            return None
        columns = [self._moment(volts) for volts in np.array(levels).T[firsts]]
        return np.stack(columns, axis=1)[:, inverse]

    def _moment(self, volts: Vector) -> Vector:
        key = volts.tobytes()
        if key not in self._moments:
            if len(self._moments) > _COMBINATIONS:
                self._moments.clear()
            self._moments[key] = self.circuit.solve(self._first, volts).observed
        return self._moments[key]

    # The chain.

    def _number_at(self, time: float) -> int:
        return max(bisect_right(self._runs, time, key=lambda run: run.begin) - 1, 0)

    def _between(self, begin: float, end: float) -> Iterator[tuple[Run, float, float]]:
        """Yield the runs in a time, with the part of the time that each covers."""
        number = self._number_at(begin)
        while begin < end:
            is_last = number + 1 == len(self._runs)
            until = end if is_last else min(self._runs[number + 1].begin, end)
            if begin < until:
                yield self._runs[number], begin, until
            begin, number = max(begin, until), number + 1

    def _know(self, time: float) -> None:
        """Make the chain known up to a time."""
        if time < self._runs[0].begin:
            self._begin_again()
        if self._repeats < math.inf:
            return
        for _ in range(_MOST_STEPS):
            if self._known >= time or self._repeats < math.inf:
                return
            self._extend(time)
        raise BenchError(
            f"A circuit with diodes needs more than {_MOST_STEPS} steps up to this time. Measure "
            "sooner after a change of the bench, or with slower signals."
        )

    def _extend(self, time: float) -> None:
        run = self._runs[-1]
        end = min(time, run.begin + self._step)
        if self._limited and self._tracks and not self.is_stepped:
            end = self._before_many_steps(self._known, end)
        bend = self._bend(run, self._known, end)
        if bend is None and end < run.begin + self._step:
            self._known = end
            return
        end = end if bend is None else bend
        following = Run(self.circuit, end, run.states(end), run)
        self._runs.append(following)
        del self._runs[:-_KEPT]
        self._known = end
        if self.is_stepped:
            self._take_step(following)
            self._look_for_cycle()

    # Cycles: a circuit with diodes comes to repeat itself. Then no more steps are taken.

    def _look_for_cycle(self) -> None:
        if self._known < self._check:
            return
        now, begin = self.states(self._check), self._check - self.period
        change = abs(now - self._checked)
        is_same = bool((change <= _SAME * (_FLOOR + _TOLERANCE * abs(now))).all())
        if is_same and self._runs[0].begin <= begin:
            self._repeats = begin
        self._checked = now
        self._check += _CYCLES * self.period

    def _folded(self, times: Vector) -> Vector:
        """Return the times within the cycle that repeats for times after its begin."""
        if math.isinf(self._repeats):
            return times
        since = times - self._repeats
        return np.where(since > 0.0, self._repeats + since % self.period, times)

    def _cycles(self, begin: float, end: float) -> Iterator[tuple[float, float, float]]:
        """Yield the parts of a time within the known chain, and how often each comes."""
        first, cycle = self._repeats, self.period
        if end <= first + cycle:
            yield begin, end, 1.0
            return
        if begin < first:
            yield begin, first, 1.0
            begin = first
        whole = math.floor((end - begin) / cycle)
        yield first, first + cycle, float(whole)
        since = first + (begin - first) % cycle
        rest = end - begin - whole * cycle
        until = min(since + rest, first + cycle)
        yield since, until, 1.0
        yield first, first + rest - (until - since), 1.0

    # Limits.

    def _bend(self, run: Run, begin: float, end: float) -> float | None:
        """Return when an output does not fit its mode any more, None if all do."""
        still = not len(self._first) and not self.circuit.waves
        if not self._limited or still or end <= begin:
            return None
        if self.is_stepped:
            fits = self._fits(run, np.array([(begin + end) / 2.0, end]))
            return None if fits.all() else self._refine(run, begin, end, end - begin)
        first = begin + (end - begin) * _FIRST_PART
        steps = _steps(self._tracks, begin, end)[1:]
        wrong = [time for time in steps if not self._fits(run, Grid(time, 0.0, 1)).all()]
        end = min((*wrong[:1], end))
        for grid in (Grid.over(begin, first, _POINTS), Grid.over(begin, end, _POINTS)):
            fits = self._fits(run, grid)
            fits[0] = True  # The run began with these modes.
            if not fits.all():
                index = int(np.argmin(fits))
                return self._refine(run, grid.at(index - 1), grid.at(index), end - begin)
        return float(wrong[0]) if wrong else None

    def _before_many_steps(self, begin: float, end: float) -> float:
        """Return the end of a time, or an earlier one up to which tracks have few steps."""
        count = _count(self._tracks, begin, end)
        return end if count <= _STEPS else begin + (end - begin) * _STEPS / count

    def _refine(self, run: Run, fitting: float, wrong: float, length: float) -> float:
        """Return when an output ceases to fit its mode between two times."""
        for _ in range(_NARROWINGS):
            grid = Grid.over(fitting, wrong, _FINER)
            fits = self._fits(run, grid.times if self.is_stepped else grid)
            index = 1 + int(np.argmin(fits[1:-1])) if not fits[1:-1].all() else _FINER - 1
            narrower = (grid.at(index - 1), min(grid.at(index), wrong))
            if narrower == (fitting, wrong) or not narrower[0] < narrower[1]:
                break
            fitting, wrong = narrower
        # A run is not infinitely short, so that a chain has an end.
        return max(wrong, run.begin + length * _SMALLEST)

    def _fits(self, run: Run, at: Grid | Vector) -> Vector:
        circuit, names = self.circuit, self._limited

        def probe(observed: Vector) -> Vector:
            pairs = [(circuit.voltage(observed, n), circuit.current(observed, n)) for n in names]
            return np.array(pairs).reshape(2 * len(names), *observed.shape[1:])

        values = run.values(at, probe)
        fits = np.ones(values.shape[1], bool)
        for place, name in enumerate(names):
            voltages, currents = values[2 * place], values[2 * place + 1]
            mode = run.moment.modes[name]
            fits &= keeps_mode(circuit.outputs[name], mode, voltages, currents)
        return fits

    # Steps with diodes.

    def _take_step(self, run: Run) -> None:
        """Choose the step of a run, so that its error is within the tolerance."""
        longest = self._longest(run)
        step = min(self._wanted, longest)
        while True:
            error = run.take(step)
            states = np.maximum(abs(run.first_states), abs(run.states(run.begin + step)))
            excess = float(np.max(abs(error) / (_FLOOR + _TOLERANCE * states)))
            if excess <= 1.0 or step <= _SMALLEST * (1.0 + abs(run.begin)):
                break
            step *= max(0.2, 0.8 * excess**-0.25)
        self._step = step
        self._wanted = step * min(5.0, 0.8 * max(excess, 1e-4) ** -0.25)

    def _longest(self, run: Run) -> float:
        """Return the longest step of a run: to the next kink, and a part of a sine's cycle."""
        if run.begin >= self._kink:
            waves = self.circuit.waves
            self._kink = min((wave.next_kink(run.begin) for wave in waves), default=math.inf)
        return min(self._cycle * _PER_CYCLE, self._kink - run.begin)


def _count(waves: Sequence[Wave], begin: float, end: float) -> float:
    """Return about how many kinks some waves have between two times."""
    return sum(wave.count(begin, end) for wave in waves)


def _steps(waves: Sequence[Wave], begin: float, end: float) -> Vector:
    """Return the begin of a time, and the times before its end at which a wave has a kink."""
    kinks = [wave.kinks(begin, end).times for wave in waves]
    times = np.unique(np.concatenate([[begin], *kinks]))
    return times[times < end]


def _common_period(periods: Sequence[float]) -> float:
    """Return the longest period if it is a multiple of all others, else infinity."""
    longest = max(periods, default=math.inf)
    ratios = [longest / period for period in periods]
    fits = all(abs(ratio - round(ratio)) < 1e-9 for ratio in ratios if math.isfinite(ratio))
    return longest if fits else math.inf
