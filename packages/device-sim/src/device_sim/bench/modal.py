"""The linear response of a circuit, mode by mode.

Around a moment, the states obey dx/dt = rates + A x + B u. The eigenvectors of A take this apart
into modes with one rate each. The response of a mode to a constant, a line or a sine is known in
closed form (the φ functions of Hochbruck and Ostermann, "Exponential integrators", Acta Numerica
2010), however stiff the circuit is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from device_sim.bench.circuit import Circuit, Slopes
from device_sim.bench.equations import Vector

Modal = npt.NDArray[Any]
"""Real or complex numbers, a row for each mode."""

_WORST_CONDITION = 1e9
_NUDGE = 1e-9  # Relative change of storage that takes modes with equal rates apart.
_SMALL = 0.25  # Below this, φ is the sum of its series,
_SERIES = 10  # with so many terms.
_LARGEST = 700.0  # The largest exponent.
_TINY = 1e-150  # Complex numbers below it cannot be divided by.


class Modes:
    """The modes of a circuit in given slopes.

    Of each pair of complex modes there is only one. The real part of `vectors @ z` has both.

    Args:
        circuit: The circuit.
        slopes: Its slopes.
    """

    def __init__(self, circuit: Circuit, slopes: Slopes) -> None:
        count = len(circuit.states)
        root = np.sqrt(circuit.storage)
        jacobian = circuit.rates(slopes.by_state, np.eye(count))
        rates, vectors, inverse = _taken_apart(jacobian * root[:, None] / root)
        chosen = np.flatnonzero(np.imag(rates) >= 0.0)
        weights = np.where(np.imag(rates[chosen]) > 0.0, 2.0, 1.0)
        self.rates: Modal = rates[chosen]
        """The rate of each mode, in 1/s."""
        self.vectors: Modal = vectors[:, chosen] * weights / root[:, None]
        """The states of each mode, as columns."""
        self.inverse: Modal = inverse[chosen] * root
        """The modes of each state, as columns."""
        forces = circuit.rates(slopes.by_wave, np.zeros((count, len(circuit.waves))))
        self.by_wave: Modal = self.inverse @ forces
        """How fast each wave changes the modes, as columns."""
        pushes = circuit.rates(slopes.by_diode, np.zeros((count, len(circuit.diodes))))
        self.by_diode: Modal = self.inverse @ pushes
        """How fast 1 A through each diode beyond its tangent changes the modes, as columns."""

    def states(self, amounts: Modal) -> Vector:
        """Return the states for amounts of the modes; for many times, with a column for each."""
        return np.asarray(np.real(self.vectors @ amounts))


def _taken_apart(matrix: Vector) -> tuple[Modal, Modal, Modal]:
    """Return the eigenvalues, the eigenvectors, and the inverse of these."""
    if not len(matrix) or abs(matrix - matrix.T).max() <= 1e-12 * abs(matrix).max():
        # Capacitors alone: resistors, sources and linearised diodes are reciprocal.
        rates, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
        return rates, vectors, vectors.T
    rates, vectors = np.linalg.eig(matrix)
    if np.linalg.cond(vectors) > _WORST_CONDITION:
        nudges = 1.0 + _NUDGE * np.arange(1, len(matrix) + 1)
        rates, vectors = np.linalg.eig(matrix * nudges[:, None])
    return rates, vectors, np.linalg.inv(vectors)


def phi(order: int, z: Modal) -> Modal:
    """Return φ of an order from 1 on: exp(z) without its first `order` terms, over z^order."""
    z = np.asarray(z)
    if order == 1:
        tiny = abs(z) < _TINY
        safe = np.where(tiny, 1.0, np.where(np.real(z) > _LARGEST, _LARGEST, z))
        return np.asarray(np.where(tiny, 1.0, np.expm1(safe) / safe))
    small = abs(z) < _SMALL
    if small.all():
        return _series(order, z)
    safe = np.where(small, 1.0, np.where(np.real(z) > _LARGEST, _LARGEST, z))
    value = np.expm1(safe) / safe
    for k in range(1, order):
        value = (value - 1.0 / math.factorial(k)) / safe
    if not small.any():
        return np.asarray(value)
    return np.asarray(np.where(small, _series(order, np.where(small, z, 0.0)), value))


def _series(order: int, z: Modal) -> Modal:
    total = np.full(z.shape, 1.0 / math.factorial(order + _SERIES), dtype=z.dtype)
    for k in range(_SERIES - 1, -1, -1):
        total = total * z + 1.0 / math.factorial(order + k)
    return total
