"""Compute how a circuit with capacitors changes over time, and its mean meanwhile.

Between two changes of the circuit the capacitor voltages obey dv/dt = f(v). A step of the
exponential Rosenbrock-Euler method (Hochbruck, Ostermann, "Exponential integrators", Acta
Numerica 2010) solves the linearised equation exactly, however stiff it is. For a circuit without
diodes one step is the closed form. Steps are halved where it is not: at diodes, and where
an output reaches its limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from device_sim.bench.circuit import Circuit, Solution
from device_sim.bench.equations import Vector

_LINEAR_TOLERANCE = 1e-11
_DIODE_TOLERANCE = 1e-7
_ABSOLUTE_TOLERANCE = 1e-13  # volts
_SMALLEST_STEP = 2.0**-50  # of the whole stretch
_BEND_STEP = 2.0**-22  # of the whole stretch: where an output reaches or leaves its limit
_PIECE = 65_536  # Largest number of points that are computed together: memory is limited.


class Settling:
    """The course of one circuit from given capacitor voltages on.

    Args:
        circuit: The circuit.
        voltages: The capacitors' voltages at the circuit's `now`.
    """

    def __init__(self, circuit: Circuit, voltages: Vector) -> None:
        self.circuit = circuit
        self._tolerance = _LINEAR_TOLERANCE if not circuit.diodes else _DIODE_TOLERANCE
        self._time, self._voltages = circuit.now, voltages
        self._start = (circuit.now, voltages)

    def at(self, time: float) -> Vector:
        """Return the capacitor voltages at a time not before the circuit's `now`."""
        if len(self._voltages) == 0:
            return self._voltages
        if time < self._time:
            self._time, self._voltages = self._start
        self._voltages = self._advance(self._voltages, time - self._time)[0]
        self._time = time
        return self._voltages

    def solution(self, time: float) -> Solution:
        """Return the whole circuit at a time."""
        return self.circuit.solve(self.at(time))

    def mean(self, begin: float, end: float) -> Solution:
        """Return the mean of the circuit over a stretch, with the modes at its end."""
        voltages = self.at(begin)
        if len(voltages) == 0 or end <= begin:
            return self.circuit.solve(voltages)
        after, mean = self._advance(voltages, end - begin)
        self._time, self._voltages = end, after
        last = self.circuit.solve(after)
        return Solution(mean, last.by_capacitor, last.modes)

    def course(self, times: Vector) -> Iterator[tuple[slice, Solution, Vector]]:
        """Yield the course at ascending times, in pieces in which outputs keep their mode.

        Only for a circuit in which diodes and capacitors do not meet: it is linear in each piece.

        Yields:
            The times of the piece, the circuit at its begin, and by how much each capacitor's
            voltage has changed since then, with a column for each time.
        """
        begin = 0
        while begin < len(times):
            start = self.at(float(times[begin]))
            now = self.circuit.solve(start)
            end = self._end_of_mode(times[: begin + _PIECE], begin, now.modes)
            yield slice(begin, end), now, self._change(now, times[begin:end] - times[begin])
            begin = end

    def _end_of_mode(self, times: Vector, begin: int, modes: Mapping[str, int]) -> int:
        """Return the index after the last time at which the outputs have these modes."""
        if not len(self._voltages) or self.solution(float(times[-1])).modes == modes:
            return len(times)
        last, beyond = begin, len(times) - 1
        while beyond - last > 1:
            middle = (last + beyond) // 2
            if self.solution(float(times[middle])).modes == modes:
                last = middle
            else:
                beyond = middle
        return last + 1

    def _change(self, now: Solution, durations: Vector) -> Vector:
        if not len(self._voltages):
            return np.zeros((0, len(durations)))
        root, rates, vectors, projected = self._linearised(now)
        z = rates[:, None] * durations
        return np.asarray(vectors @ (_phi1(z) * projected[:, None] * durations) / root[:, None])

    def _advance(self, voltages: Vector, duration: float) -> tuple[Vector, Vector]:
        """Return the voltages after `duration`, and the mean of the observed values until then."""
        remaining, step = duration, duration
        total: Vector | None = None
        while remaining > 0.0:
            step = min(step, remaining)
            coarse, whole = self._step(voltages, step)
            middle, first = self._step(voltages, step / 2.0)
            fine, second = self._step(middle, step / 2.0)
            scale = _ABSOLUTE_TOLERANCE + self._tolerance * np.maximum(abs(voltages), abs(fine))
            error = float(np.max(abs(fine - coarse) / scale))
            if error > 1.0 and step > duration * _SMALLEST_STEP:
                step /= 2.0 if error < 8.0 else 4.0
                continue
            if step > duration * _BEND_STEP and self._bends(voltages, fine):
                step /= 2.0
                continue
            part = (whole if error < 1e-3 else (first + second) / 2.0) * (step / duration)
            total = part if total is None else total + part
            voltages, remaining = fine, remaining - step
            step *= 4.0 if error < 0.1 else 1.5
        if total is None:
            total = self.circuit.solve(voltages).observed
        return voltages, total

    def _bends(self, before: Vector, after: Vector) -> bool:
        """Return whether an output reaches or leaves its limit in between."""
        return self.circuit.solve(before).modes != self.circuit.solve(after).modes

    def _step(self, voltages: Vector, duration: float) -> tuple[Vector, Vector]:
        """Take one linearised step. Return the voltages after it and the mean observed values."""
        now = self.circuit.solve(voltages)
        root, rates, vectors, projected = self._linearised(now)
        z = rates * duration
        change = vectors @ (_phi1(z) * projected) * duration / root
        mean_change = vectors @ (_phi2(z) * projected) * duration / root
        return voltages + change, now.observed + now.by_capacitor @ mean_change

    def _linearised(self, now: Solution) -> tuple[Vector, Vector, Vector, Vector]:
        """Return the roots of the capacitances, and the rates, vectors and slopes of the modes."""
        circuit = self.circuit
        capacitances = circuit.capacitances
        slope = circuit.capacitor_currents(now.observed) / capacitances
        jacobian = circuit.capacitor_currents(now.by_capacitor) / capacitances[:, None]
        # Resistors, sources and linearised diodes are reciprocal, so this is symmetric.
        root = np.sqrt(capacitances)
        rates, vectors = np.linalg.eigh(_symmetric(jacobian * root[:, None] / root))
        return root, rates, vectors, vectors.T @ (slope * root)


def _symmetric(matrix: Vector) -> Vector:
    return np.asarray((matrix + matrix.T) / 2.0)


def _phi1(z: Vector) -> Vector:
    """Return (exp(z) - 1) / z."""
    safe = np.where(abs(z) < 1e-12, 1.0, z)
    return np.where(abs(z) < 1e-12, 1.0 + z / 2.0, np.expm1(np.minimum(safe, 700.0)) / safe)


def _phi2(z: Vector) -> Vector:
    """Return (exp(z) - 1 - z) / z**2."""
    safe = np.where(abs(z) < 1e-3, 1.0, z)
    series = 0.5 + z / 6.0 + z * z / 24.0 + z**3 / 120.0 + z**4 / 720.0
    return np.where(abs(z) < 1e-3, series, (np.expm1(np.minimum(safe, 700.0)) - safe) / safe**2)
