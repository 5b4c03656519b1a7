"""Build the equations of modified nodal analysis, for direct and for alternating current."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Nets = tuple[str, str]


class Nodes:
    """Numbers for the nets of a circuit.

    Args:
        pairs: All pairs of nets that parts and channels connect.
        ground: The net with 0 V, which is no unknown.
    """

    def __init__(self, pairs: Iterable[Nets], ground: str) -> None:
        inner = dict.fromkeys(net for pair in pairs for net in pair if net != ground)
        self._numbers = {ground: -1, **{net: index for index, net in enumerate(inner)}}
        self.count = len(inner)

    def of(self, nets: Nets) -> tuple[int, int]:
        """Return the numbers of two nets. Ground is -1."""
        return self._numbers[nets[0]], self._numbers[nets[1]]

    def across(self, x: npt.NDArray[Any], nets: Nets) -> Any:
        """Return the voltage between two nets, given the voltages of all."""
        a, b = self.of(nets)
        return (x[a] if a >= 0 else 0.0) - (x[b] if b >= 0 else 0.0)

    def groups(self, joined: Iterable[Nets]) -> Mapping[int, int]:
        """Return the groups of nets that the `joined` pairs connect, by a representative net."""
        parent = {node: node for node in self._numbers.values()}

        def find(node: int) -> int:
            while parent[node] != node:
                node = parent[node]
            return node

        for nets in joined:
            a, b = self.of(nets)
            parent[find(a)] = find(b)
        return {node: find(node) for node in parent}


class Equations:
    """Matrix and right side of a circuit: net voltages first, then branch currents.

    Args:
        nodes: The nets.
        branches: The number of branches to add.
        dtype: float for direct, complex for alternating current.
    """

    def __init__(self, nodes: Nodes, branches: int, dtype: type = float) -> None:
        self.nodes = nodes
        size = nodes.count + branches
        self.matrix: npt.NDArray[Any] = np.zeros((size, size), dtype)
        self.right: npt.NDArray[Any] = np.zeros(size, dtype)
        self._next_row = nodes.count

    def copy(self) -> Equations:
        """Return a copy of the equations, to add to."""
        other = Equations(self.nodes, 0)
        other.matrix, other.right = self.matrix.copy(), self.right.copy()
        return other

    def add_conductance(self, nets: Nets, conductance: complex) -> None:
        """Add a current in proportion to the voltage."""
        a, b = self.nodes.of(nets)
        for node in (a, b):
            if node >= 0:
                self.matrix[node, node] += conductance
        if a >= 0 and b >= 0:
            self.matrix[a, b] -= conductance
            self.matrix[b, a] -= conductance

    def add_current(self, nets: Nets, current: complex) -> None:
        """Add a current into the first net and out of the second."""
        for node, sign in zip(self.nodes.of(nets), (1.0, -1.0), strict=True):
            if node >= 0:
                self.right[node] += sign * current

    def add_branch(self, nets: Nets, voltage: complex, impedance: complex) -> int:
        """Add V(a) - V(b) - impedance * i = voltage. Return the index of i, from a to b."""
        row = self._next_row
        self._next_row += 1
        for node, sign in zip(self.nodes.of(nets), (1.0, -1.0), strict=True):
            if node >= 0:
                self.matrix[node, row] += sign
                self.matrix[row, node] += sign
        self.matrix[row, row] -= impedance
        self.right[row] += voltage
        return row

    def ground_floating(self, groups: Mapping[int, int]) -> None:
        """Connect one net of each group without ground to ground. No current flows through this."""
        for node in set(groups.values()) - {groups[-1]}:
            self.matrix[node, node] += 1.0

    def solve(self) -> npt.NDArray[Any]:
        """Return the net voltages and branch currents."""
        return np.linalg.solve(self.matrix, self.right)
