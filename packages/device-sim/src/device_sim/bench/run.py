"""The course of a circuit from one moment on, as long as its linear response holds.

The waves that are made of lines are run through the modes from kink to kink; between two times of a
grid by one-pole filters. So a record costs the same few array operations, however long it is.
Nothing is approximated in a circuit without diodes. Diodes are tangents plus a residual current.
Their voltages are iterated for all times of a record together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from device_sim.bench.circuit import ROUNDING_FLOOR, Circuit
from device_sim.bench.diode import diode_currents, limit_steps
from device_sim.bench.equations import Vector
from device_sim.bench.grid import Grid
from device_sim.bench.modal import Modal, Modes, phi
from device_sim.bench.waves import Kinks, Sine, Wave
from device_sim.errors import BenchError

Probe = Callable[[Vector], Vector]
"""Return some of the observed values, a row for each; linear, also for columns."""

_PIECE = 65_536  # The most times or kinks that are computed together: memory is limited.
_NEWTON_STEPS = 100
_NEWTON_TOLERANCE = 1e-9  # volts
_PANELS = 256  # Parts of an aperture in which residual currents are integrated.
_GAUSS = math.sqrt(0.6)  # The outer nodes of Gauss' rule with three points.


@dataclass(frozen=True, slots=True)
class Residual:
    """The currents of the diodes beyond their tangents, over a step; 0 with slope 0 at its begin.

    They are a cubic through the residuals in the middle and at the end of the step, as in the
    exponential Rosenbrock method of fourth order (Hochbruck, Ostermann, Schweitzer 2009).
    """

    step: float
    """Seconds of the step."""

    middle: Vector
    """The residual of each diode in the middle, in amperes."""

    end: Vector
    """The residual of each diode at the end, in amperes."""

    def amounts(self, modes: Modes, seconds: Vector, *, integral: int = 0) -> Modal:
        """Return the amounts of the modes after some seconds, or their integral since the begin."""
        z = modes.rates[:, None] * seconds
        squares = modes.by_diode @ (8.0 * self.middle - self.end)
        cubes = modes.by_diode @ (2.0 * self.end - 8.0 * self.middle)
        quadratic = 2.0 * seconds ** (3 + integral) * phi(3 + integral, z) / self.step**2
        cubic = 6.0 * seconds ** (4 + integral) * phi(4 + integral, z) / self.step**3
        return np.asarray(squares[:, None] * quadratic + cubes[:, None] * cubic)


class Run:
    """The course of a circuit from a time on.

    Args:
        circuit: The circuit.
        begin: The time.
        states: Its states then.
        modes: The modes of a run of the same circuit, which are the same if the slopes are.
    """

    def __init__(
        self, circuit: Circuit, begin: float, states: Vector, last: Run | None = None
    ) -> None:
        self.circuit = circuit
        self.begin = begin
        self.first_states = states
        self._first_waves = circuit.wave_values(begin)
        start = None if last is None else last.last_across
        self.moment = circuit.solve(states, self._first_waves, start)
        slopes = self.moment.slopes
        same = last is not None and last.moment.slopes is slopes
        self.modes: Modes = last.modes if last is not None and same else Modes(circuit, slopes)
        self.last_across: Vector = self.moment.across_diodes
        """The voltages of the diodes at the last time that was computed."""
        self.residual: Residual | None = None
        """The currents beyond the tangents, in a step of a circuit with diodes and states."""
        self._sines = [(i, w) for i, w in enumerate(circuit.waves) if isinstance(w, Sine)]
        self._lines = [(i, w) for i, w in enumerate(circuit.waves) if not isinstance(w, Sine)]
        self._phasors = [wave.phasor(begin) for _, wave in self._sines]
        self._sine_amounts = [
            self._sine_amount(i, wave, phasor)
            for (i, wave), phasor in zip(self._sines, self._phasors, strict=True)
        ]
        rates = circuit.rates(self.moment.observed, states)
        self._push = self.modes.inverse @ rates
        for (i, _), phasor in zip(self._sines, self._phasors, strict=True):
            self._push = self._push - self.modes.by_wave[:, i] * phasor.real
        across = self.moment.across_diodes
        self._currents = (
            diode_currents(circuit.diodes, across, circuit.now)[0],
            circuit.conductances(across),
        )
        zero = np.zeros((len(self._lines), len(self.modes.rates)), self.modes.by_wave.dtype)
        self._mark: tuple[float, Modal] = (begin, zero)

    def _sine_amount(self, index: int, wave: Sine, phasor: complex) -> tuple[Modal, Modal]:
        """Return what a sine brings to the modes, by the cosine and the sine since the begin."""
        rates, by_wave = self.modes.rates, self.modes.by_wave[:, index]
        omega = 2.0 * math.pi * wave.frequency
        # x' = rate x + Re(phasor e^jωt) has x = a cos ωt + b sin ωt.
        scale = by_wave / (rates * rates + omega * omega)
        a = -scale * (rates * phasor.real - omega * phasor.imag)
        b = scale * (omega * phasor.real + rates * phasor.imag)
        return a, b

    # Values at times.

    def states(self, time: float) -> Vector:
        """Return the states at a time."""
        is_step = self.residual is not None
        amounts, _ = self._response(np.array([time]) if is_step else Grid(time, 0.0, 1))
        return self.first_states + self.modes.states(amounts)[:, 0]

    def values(self, at: Grid | Vector, probe: Probe) -> Vector:
        """Return some observed values at some times, a row for each.

        Args:
            at: The times. If waves made of lines have kinks in the run, and the circuit has states,
                they must be a grid.
            probe: The observed values to return.
        """
        moment = self.moment
        start = probe(moment.observed)
        count = at.count if isinstance(at, Grid) else len(at)
        result = np.empty((len(start), count))
        for first in range(0, count, _PIECE):
            last = min(first + _PIECE, count)
            part = at.part(first, last) if isinstance(at, Grid) else at[first:last]
            amounts, waves = self._response(part)
            by_mode = probe(moment.slopes.by_state) @ self.modes.vectors
            change = np.real(by_mode @ amounts) + probe(moment.slopes.by_wave) @ waves
            if self.circuit.diodes:
                currents = self.residual_currents(amounts, waves)
                change += probe(moment.slopes.by_diode) @ currents
            result[:, first:last] = start[:, None] + change
        return result

    def residual_currents(self, amounts: Modal, waves: Vector) -> Vector:
        """Return the currents of the diodes beyond their tangents, a column for each time."""
        circuit, slopes = self.circuit, self.moment.slopes
        start = self.moment.across_diodes[:, None]
        (currents, conductances) = (values[:, None] for values in self._currents)
        by_state, by_wave, by_diode = map(
            circuit.across_diodes, (slopes.by_state, slopes.by_wave, slopes.by_diode)
        )
        linear = start + by_state @ self.modes.states(amounts) + by_wave @ waves
        across = limit_steps(circuit.diodes, np.broadcast_to(start, linear.shape), linear)
        step = math.inf
        for _ in range(_NEWTON_STEPS):
            now, slope = diode_currents(circuit.diodes, across, circuit.now)
            residual = now - currents - conductances * (across - start)
            error = across - linear - by_diode @ residual
            change = np.linalg.solve(
                np.eye(len(across)) - by_diode * (slope - conductances).T[:, None, :],
                error.T[:, :, None],
            )[:, :, 0].T
            wanted = across - change
            limited = limit_steps(circuit.diodes, across, wanted)
            before, step = step, float(abs(limited - across).max())
            across = limited
            # Newton's method squares a small error. A junction without current has only the
            # voltage that rounding leaves.
            rounded = ROUNDING_FLOOR >= step >= before / 2.0
            if step <= _NEWTON_TOLERANCE or rounded:
                self.last_across = across[:, -1]
                return np.asarray(residual)
        raise BenchError("The diodes have no operating point. Check the values of diodes.")

    def take(self, step: float) -> Vector:
        """Let the diodes' residual currents follow over a step from the begin.

        Returns:
            The estimated error of the states at its end; infinity if the step is far too long.
        """
        self.residual = Residual(step, *(np.zeros(len(self.circuit.diodes)),) * 2)
        modes, z = self.modes, self.modes.rates * step
        times = self.begin + np.array([[step / 2.0], [step]])
        try:
            (middle,) = self.residual_currents(*self._response(times[0])).T
            amounts, waves = self._response(times[1])
            late = amounts + (modes.by_diode @ middle * step * phi(1, z))[:, None]
            (end,) = self.residual_currents(late, waves).T
        except BenchError:
            return np.full(len(self.first_states), math.inf)
        self.residual = Residual(step, middle, end)
        return modes.states(modes.by_diode @ (12.0 * end - 48.0 * middle) * step * phi(4, z))

    # The response of the modes.

    def _response(self, at: Grid | Vector) -> tuple[Modal, Vector]:
        """Return the amounts of the modes, and how much the waves have changed since the begin."""
        times = at.times if isinstance(at, Grid) else at
        modes, since = self.modes, times - self.begin
        z = modes.rates[:, None] * since
        amounts = self._push[:, None] * since * phi(1, z)
        waves = np.zeros((len(self.circuit.waves), len(times)))
        decay = np.exp(z) if self._sines else z
        for (i, wave), phasor, (a, b) in zip(
            self._sines, self._phasors, self._sine_amounts, strict=True
        ):
            angle = 2.0 * math.pi * ((wave.frequency * since) % 1.0)
            cosine, sine = np.cos(angle), np.sin(angle)
            amounts = amounts + a[:, None] * (cosine - decay) + b[:, None] * sine
            waves[i] = phasor.real * (cosine - 1.0) - phasor.imag * sine
        if self._lines:
            if isinstance(at, Grid) and self.residual is None:
                brought, levels = self._filtered(at)
            else:
                brought, levels = self._straight(since)
            amounts = amounts + brought
            waves[[i for i, _ in self._lines]] = levels
        if self.residual is not None:
            amounts = amounts + self.residual.amounts(modes, since)
        return amounts, waves

    def _filtered(self, grid: Grid) -> tuple[Modal, Vector]:
        """Return what lines bring to the modes on a grid, and the levels of the lines."""
        start = self._advance_lines(grid.begin).sum(axis=0)
        if grid.count == 1:
            bases = self._first_waves[[i for i, _ in self._lines]]
            now = np.array([wave.values(grid.times)[0] for _, wave in self._lines])
            return start[:, None], (now - bases)[:, None]
        rates, spacing = self.modes.rates, grid.spacing
        one, two = (spacing**n * phi(n, rates * spacing)[:, None] for n in (1, 2))
        forced = np.zeros((len(rates), grid.count - 1), start.dtype)
        levels = np.empty((len(self._lines), grid.count))
        for row, (i, wave) in enumerate(self._lines):
            cells = _Cells(wave, grid, self._first_waves[i])
            levels[row] = cells.seen
            by_wave = self.modes.by_wave[:, i, None]
            forced += by_wave * (one * cells.levels[:-1] + two * cells.slopes)
            for mode, rate in enumerate(rates):
                forced[mode] += by_wave[mode] * cells.rest(rate)
        return _filtered(np.exp(rates * spacing), start, forced), levels

    def _straight(self, since: Vector) -> tuple[Modal, Vector]:
        """Return what `_filtered` returns, if there is no kink since the begin, or no mode."""
        if not len(self.modes.rates):
            bases = self._first_waves[[i for i, _ in self._lines], None]
            levels = np.array([wave.values(self.begin + since) for _, wave in self._lines])
            return np.zeros((0, len(since))), levels - bases
        slopes = np.array([wave.slope(self.begin) for _, wave in self._lines])
        z = self.modes.rates[:, None] * since
        forces = self.modes.by_wave[:, [i for i, _ in self._lines]] @ slopes
        return forces[:, None] * since**2 * phi(2, z), slopes[:, None] * since

    def _advance_lines(self, time: float) -> Modal:
        """Return what each line has brought to the modes up to a time, a row for each line."""
        begin, amounts = self._mark
        if time < begin:
            begin, amounts = self.begin, np.zeros_like(amounts)
        rows = [
            self._advance_line(row, i, wave, begin, time)
            for row, (i, wave) in zip(amounts, self._lines, strict=True)
        ]
        self._mark = (time, np.array(rows, amounts.dtype).reshape(amounts.shape))
        return self._mark[1]

    def _advance_line(
        self, amounts: Modal, index: int, wave: Wave, begin: float, end: float
    ) -> Modal:
        rates, by_wave = self.modes.rates, self.modes.by_wave[:, index]
        base = self._first_waves[index]
        whole = math.floor((end - begin) / wave.period)
        if whole >= 2:  # The periods bring a geometric series.
            one = by_wave * _forced(wave, base, rates, begin, begin + wave.period)
            each, all_of_them = np.expm1(rates * wave.period), rates * wave.period * whole
            safe = np.where(each == 0.0, 1.0, each)
            series = np.where(each == 0.0, float(whole), np.expm1(all_of_them) / safe)
            amounts = np.exp(all_of_them) * amounts + one * series
            begin += whole * wave.period
        decay = np.exp(rates * (end - begin))
        return np.asarray(decay * amounts + by_wave * _forced(wave, base, rates, begin, end))

    # Means.

    def mean(self, begin: float, end: float) -> Vector:
        """Return the means of the observed values from one time to a later one."""
        modes, slopes = self.modes, self.moment.slopes
        amounts, waves = self._mean_response(begin, end)
        mean = self.moment.observed + slopes.by_state @ modes.states(amounts)
        mean = mean + slopes.by_wave @ waves
        if self.circuit.diodes:
            mean = mean + slopes.by_diode @ self._mean_currents(begin, end)
        return np.asarray(mean)

    def _mean_response(self, begin: float, end: float) -> tuple[Modal, Vector]:
        """Return the means of what `_response` returns."""
        modes, since, length = self.modes, begin - self.begin, end - begin
        z = modes.rates * length
        start = self._push * since * phi(1, modes.rates * since)
        waves = np.zeros(len(self.circuit.waves))
        mean = np.zeros_like(start)
        for (i, wave), phasor, (a, b) in zip(
            self._sines, self._phasors, self._sine_amounts, strict=True
        ):
            cosine, sine = _mean_of_circle(wave.frequency, since, length)
            start = start - a * np.exp(modes.rates * since)
            mean = mean + a * cosine + b * sine
            waves[i] = phasor.real * (cosine - 1.0) - phasor.imag * sine
        if self._lines and self.residual is not None:
            # No kink: each line has its slope from the begin of the run on.
            brought, levels = self._straight(np.array([since]))
            indices = [i for i, _ in self._lines]
            slopes = np.array([wave.slope(self.begin) for _, wave in self._lines])
            start = start + brought[:, 0]
            mean = mean + modes.by_wave[:, indices] @ levels[:, 0] * length * phi(2, z)
            mean = mean + modes.by_wave[:, indices] @ slopes * length**2 * phi(3, z)
            waves[indices] = levels[:, 0] + slopes * length / 2.0
        elif self._lines:
            start = start + self._advance_lines(begin).sum(axis=0)
            for i, line in self._lines:
                base = self._first_waves[i]
                passed = _forced(line, base, modes.rates, begin, end, integral=1) / length
                mean = mean + modes.by_wave[:, i] * passed
                waves[i] = float(_forced(line, base, np.zeros(1), begin, end)[0]) / length
        mean = mean + phi(1, z) * start + length * phi(2, z) * self._push
        if self.residual is not None:
            ends = np.array([since, since + length])
            integral = self.residual.amounts(modes, ends, integral=1)
            mean = mean + (integral[:, 1] - integral[:, 0]) / length
        return mean, waves

    def _mean_currents(self, begin: float, end: float) -> Vector:
        """Return the means of the diodes' currents beyond their tangents, by Gauss' rule."""
        total = np.zeros(len(self.circuit.diodes))
        panels = _PANELS if self.circuit.waves and self.residual is None else 1
        width = (end - begin) / panels
        for node, weight in ((-_GAUSS, 5.0), (0.0, 8.0), (_GAUSS, 5.0)):
            first = begin + width * (1.0 + node) / 2.0
            amounts, waves = self._response(Grid(first, width, panels))
            total += weight / 18.0 * self.residual_currents(amounts, waves).mean(axis=1)
        return total


def _filtered(factors: Modal, start: Modal, forced: Modal) -> Modal:
    """Return y with y[0] = start and y[k + 1] = factor * y[k] + forced[k], a row for each mode."""
    try:
        from scipy.signal import lfilter  # takes long to import
    except ImportError as error:
        raise BenchError(
            "Samples of a signal other than a sine need scipy. Install the extra scope of "
            "measurement-device-sim."
        ) from error
    result = np.empty((len(factors), forced.shape[1] + 1), start.dtype)
    result[:, 0] = start
    for row, factor in enumerate(factors):
        carried = np.array([factor * start[row]])
        result[row, 1:], _ = lfilter([1.0], [1.0, -factor], forced[row], zi=carried)
    return result


class _Cells:
    """A wave between the times of a grid.

    Args:
        wave: The wave.
        grid: The grid, of at least two times.
        base: The voltage from which levels count.
    """

    def __init__(self, wave: Wave, grid: Grid, base: float) -> None:
        cells, spacing = grid.count - 1, grid.spacing
        first = float(wave.values(np.array([grid.begin]))[0]) - base
        slope = wave.slope(grid.begin)
        kinks = wave.kinks(grid.begin, grid.end)
        place = (kinks.times - grid.begin) / spacing
        slack = 1e-9 + 4e-16 * abs(kinks.times) / spacing
        after = np.clip(np.ceil(place - slack), 1, cells)
        self._cell = after.astype(np.int64) - 1
        self._left = np.maximum(after - place, 0.0) * spacing
        self._kinks, self._count = kinks, cells
        bends = np.bincount(self._cell, kinks.bends, cells)
        self.slopes = slope + np.cumsum(bends) - bends
        """The slope at the begin of each cell."""
        late = np.bincount(self._cell, kinks.jumps + kinks.bends * self._left, cells)
        steps = self.slopes * spacing + late
        self.levels = first + np.concatenate(([0.0], np.cumsum(steps)))
        """The level at each time of the grid."""
        self.seen = wave.values(grid.times) - base if kinks.are_joined else self.levels
        """The level that a direct path passes on: not the mean of several."""

    def rest(self, rate: complex) -> Modal:
        """Return what the kinks in each cell bring to a mode with a rate by its end."""
        kinks, left = self._kinks, self._left
        if not left.any():
            return np.zeros(self._count)
        brought = kinks.jumps * left * phi(1, rate * left)
        if kinks.bends.any():
            brought = brought + kinks.bends * left**2 * phi(2, rate * left)
        real = np.bincount(self._cell, np.real(brought), self._count)
        if not np.iscomplexobj(brought):
            return real
        return np.asarray(real + 1j * np.bincount(self._cell, np.imag(brought), self._count))


def _forced(
    wave: Wave, base: float, rates: Modal, begin: float, end: float, *, integral: int = 0
) -> Modal:
    """Return what a wave brings to modes by the end of a time, or the integral of it.

    Args:
        wave: The wave, made of lines.
        base: The voltage from which it counts.
        rates: The rates of the modes.
        begin: The begin of the time, at which there is nothing.
        end: Its end.
        integral: 1 for the integral.
    """
    one, length = 1 + integral, end - begin
    level = float(wave.values(np.array([begin]))[0]) - base
    z = rates * length
    total = level * length**one * phi(one, z)
    slope = wave.slope(begin)
    if slope:
        total = total + slope * length ** (one + 1) * phi(one + 1, z)
    for kinks in _pieces(wave.kinks(begin, end)):
        left = np.maximum(end - kinks.times, 0.0)
        z = rates[:, None] * left
        total = total + (phi(one, z) * (kinks.jumps * left**one)).sum(axis=1)
        if kinks.bends.any():
            bent = phi(one + 1, z) * (kinks.bends * left ** (one + 1))
            total = total + bent.sum(axis=1)
    return np.asarray(total)


def _pieces(kinks: Kinks) -> Iterator[Kinks]:
    for first in range(0, len(kinks.times), _PIECE):
        piece = slice(first, first + _PIECE)
        yield Kinks(kinks.times[piece], kinks.jumps[piece], kinks.bends[piece])


def _mean_of_circle(frequency: float, since: float, length: float) -> tuple[float, float]:
    """Return the means of a cosine and a sine over a time."""
    half = math.pi * frequency * length
    angle = 2.0 * math.pi * ((frequency * (since + length / 2.0)) % 1.0)
    share = float(np.sinc(half / math.pi))
    return share * math.cos(angle), share * math.sin(angle)
