"""Nodal analysis of one moment: the voltages and currents that satisfy all parts at once.

Modified nodal analysis (Ho, Ruehli, Brennan 1975): the unknowns are the net voltages and the
currents of the branches with a given voltage. Capacitors are voltage sources
behind their series resistance, so a solution gives the currents that charge them. Diodes are
linearised and iterated (Newton). The modes of the outputs (regulating or at a limit) are found by
trial, beginning with the previous modes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from device_sim.bench.diode import diode_current, limit_step
from device_sim.bench.equations import Equations, Nodes, Vector
from device_sim.bench.parts import (
    MIN_RESISTANCE,
    Connection,
    Input,
    Output,
    Part,
    Terminal,
)
from device_sim.bench.regulation import (
    REGULATING,
    better_mode,
    held_current,
    held_voltage,
    mode_without_path,
)
from device_sim.errors import BenchError

OUTPUT_RESISTANCE = 1e-12
"""Ohms in every voltage output. Two in parallel stay solvable; the error is a picovolt per amp."""

_NEWTON_STEPS = 200
_NEWTON_TOLERANCE = 1e-13
_ROUNDING_FLOOR = 1e-6  # volts


class _UnsettledError(Exception):
    """Newton's method finds no operating point for the diodes."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One moment of the circuit, or the mean of many."""

    observed: Vector
    """Net voltages, capacitor currents, output currents."""

    by_capacitor: Vector
    """Change of `observed` for a change of each capacitor's voltage, one column for each."""

    modes: Mapping[str, int]
    """For each output: 0 if it regulates, 1 at its upper limit, -1 at its lower limit."""


class Circuit:
    """Parts and instrument terminals during one stretch of time without changes.

    Args:
        parts: The parts.
        connections: The nets of the channels.
        terminals: The action of each wired channel. A channel without an entry does nothing.
        ground: The net with 0 V.
        now: The begin of the stretch, for drift.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        connections: Mapping[str, Connection],
        terminals: Mapping[str, Terminal],
        ground: str,
        now: float,
    ) -> None:
        self.parts = parts
        self.now = now
        self.terminals = terminals
        self.ends = {name: (c.hi, c.lo) for name, c in connections.items()}
        self.nodes = Nodes((*(part.nets for part in parts), *self.ends.values()), ground)
        self.capacitors = [part for part in parts if part.kind == "capacitor"]
        self.capacitances = np.array([part.main_value(now) for part in self.capacitors])
        self.diodes = [part for part in parts if part.kind == "diode"]
        self._outputs = {n: t for n, t in terminals.items() if isinstance(t, Output)}
        self._modes = dict.fromkeys(self._outputs, REGULATING)

    # Reading a solution.

    def voltage(self, observed: Vector, channel: str) -> float:
        """Volts between the terminals of a channel."""
        return float(self.nodes.across(observed, self.ends[channel]))

    def current(self, observed: Vector, channel: str) -> float:
        """Amperes out of the high terminal of a channel."""
        if channel in self._outputs:
            place = list(self._outputs).index(channel)
            return float(observed[self.nodes.count + len(self.capacitors) + place])
        terminal = self.terminals.get(channel)
        if isinstance(terminal, Input):
            return -self.voltage(observed, channel) / terminal.resistance
        return 0.0

    def capacitor_currents(self, observed: Vector) -> Vector:
        """Amperes through each capacitor, row by row if `observed` has columns."""
        return observed[self.nodes.count : self.nodes.count + len(self.capacitors)]

    # Finding the modes of the outputs.

    def solve(self, capacitor_voltages: Vector) -> Solution:
        """Find the moment at which the capacitors have these voltages.

        Raises:
            BenchError: No combination of regulating and limiting outputs is a solution.
        """
        modes = self._modes
        for attempt in range(20 + 4 * len(modes)):
            modes = self._hold_voltage_where_open(modes)
            try:
                solution = self._solve_in(modes, capacitor_voltages)
            except (_UnsettledError, np.linalg.LinAlgError):
                # Such as a current against a diode, which the output cannot hold.
                modes = self._hold_voltage_everywhere(modes)
                continue
            wrong = self._unfitting(solution)
            if not wrong:
                self._modes = modes
                return solution
            # Changing all at once is fast. Changing one at a time ends every circle soon.
            modes = {**modes, **(dict([next(iter(wrong.items()))]) if attempt > 10 else wrong)}
        raise BenchError(
            f"The outputs {', '.join(sorted(modes))} have no stable state. Check for outputs that "
            "work against each other, and check the values of diodes."
        )

    def _unfitting(self, solution: Solution) -> dict[str, int]:
        """Return the outputs whose mode contradicts the solution, with the mode to try next."""
        wrong = {}
        for name, output in self._outputs.items():
            voltage = self.voltage(solution.observed, name)
            current = self.current(solution.observed, name)
            better = better_mode(output, solution.modes[name], voltage, current)
            if better != solution.modes[name]:
                wrong[name] = better
        return wrong

    def _hold_voltage_where_open(self, modes: Mapping[str, int]) -> dict[str, int]:
        """Put outputs that should drive a current into an open circuit into voltage mode.

        If several meet there, the strongest one holds the voltage, because it can take the current
        of the others.
        """
        result = dict(modes)
        while True:
            groups = self.groups(result)
            currents = {n: held_current(o, result[n]) for n, o in self._outputs.items()}
            stranded = {
                name: current
                for name, current in currents.items()
                if current and len({groups[node] for node in self.nodes.of(self.ends[name])}) > 1
            }
            if not stranded:
                return result
            strongest = max(stranded, key=lambda name: abs(stranded[name]))
            output = self._outputs[strongest]
            result[strongest] = mode_without_path(output, stranded[strongest])

    def _hold_voltage_everywhere(self, modes: Mapping[str, int]) -> dict[str, int]:
        """Put all outputs that hold a current into voltage mode."""
        held = {name: held_current(output, modes[name]) for name, output in self._outputs.items()}
        return {
            name: mode_without_path(self._outputs[name], current) if current else modes[name]
            for name, current in held.items()
        }

    def groups(self, modes: Mapping[str, int]) -> Mapping[int, int]:
        """Return the groups of nets that conducting parts connect."""
        joined = [p.nets for p in self.parts if p.kind in ("diode", "capacitor", "source")]
        joined += [p.nets for p in self.parts if conductance(p, self.now) > 0]
        joined += [
            self.ends[name]
            for name, terminal in self.terminals.items()
            if isinstance(terminal, Input) or held_current(terminal, modes[name]) is None
        ]
        return self.nodes.groups(joined)

    # Solving in given modes.

    def _solve_in(self, modes: dict[str, int], capacitor_voltages: Vector) -> Solution:
        """Solve with the outputs in given modes, even if the solution contradicts a mode."""
        equations, outputs_at = self._equations(modes, capacitor_voltages)
        equations = self.linearised(equations)
        excitation = np.zeros((len(equations.right), len(self.capacitors)))
        for index in range(len(self.capacitors)):
            excitation[self.nodes.count + index, index] = 1.0
        matrix = equations.matrix
        by_capacitor = np.linalg.solve(matrix, excitation) if self.capacitors else excitation
        held = {name: held_current(t, modes[name]) or 0.0 for name, t in self._outputs.items()}
        return Solution(
            observed=self._observe(equations.solve(), outputs_at, held),
            by_capacitor=self._observe(by_capacitor, outputs_at, {}),
            modes=modes,
        )

    def _observe(
        self, x: Vector, outputs_at: Mapping[str, int], held: Mapping[str, float]
    ) -> Vector:
        """Return the part of `x` that does not depend on the modes, and each output's current."""
        shape = (1, *x.shape[1:])
        currents = [
            np.reshape(-x[outputs_at[name]], shape)
            if name in outputs_at
            else np.full(shape, held.get(name, 0.0))
            for name in self._outputs
        ]
        return np.concatenate([x[: self.nodes.count + len(self.capacitors)], *currents])

    def _equations(
        self, modes: Mapping[str, int], capacitor_voltages: Vector
    ) -> tuple[Equations, dict[str, int]]:
        """Return the equations without diodes, and the unknown of each output's current."""
        sources = [part for part in self.parts if part.kind == "source"]
        holding = {n: held_voltage(output, modes[n]) for n, output in self._outputs.items()}
        branches = (
            len(self.capacitors) + len(sources) + sum(v is not None for v in holding.values())
        )
        equations = Equations(self.nodes, branches)
        for part, voltage in zip(self.capacitors, capacitor_voltages, strict=True):
            equations.add_branch(part.nets, voltage, part.values["esr"])
        for part in sources:
            equations.add_branch(part.nets, part.main_value(self.now), part.values["resistance"])
        outputs_at = {}
        for name, level in holding.items():
            if level is not None:
                resistance = OUTPUT_RESISTANCE + self._outputs[name].resistance
                outputs_at[name] = equations.add_branch(self.ends[name], level, resistance)
        for part in self.parts:
            equations.add_conductance(part.nets, conductance(part, self.now))
        for name, terminal in self.terminals.items():
            if isinstance(terminal, Input):
                equations.add_conductance(self.ends[name], 1.0 / terminal.resistance)
            else:
                equations.add_current(self.ends[name], held_current(terminal, modes[name]) or 0.0)
        equations.ground_floating(self.groups(modes))
        return equations, outputs_at

    def linearised(self, equations: Equations) -> Equations:
        """Add the diodes, each as the tangent at its operating point.

        Raises:
            _UnsettledError: Newton's method finds no operating point.
        """
        across, change = [0.0] * len(self.diodes), math.inf
        for _ in range(_NEWTON_STEPS if self.diodes else 0):
            tangent = equations.copy()
            for part, voltage in zip(self.diodes, across, strict=True):
                current, slope = diode_current(part, voltage, self.now)
                tangent.add_conductance(part.nets, slope)
                tangent.add_current(part.nets, slope * voltage - current)
            x = tangent.solve()
            wanted = [float(self.nodes.across(x, part.nets)) for part in self.diodes]
            limited = [
                limit_step(part, old, new)
                for part, old, new in zip(self.diodes, across, wanted, strict=True)
            ]
            before, change = change, float(np.max(np.abs(np.subtract(wanted, across))))
            settled = change <= _NEWTON_TOLERANCE * (1.0 + max(map(abs, wanted)))
            # A junction without current has only the voltage that rounding leaves.
            rounded = _ROUNDING_FLOOR >= change >= before / 2.0
            if limited == wanted and (settled or rounded):
                return tangent
            across = limited
        if self.diodes:
            raise _UnsettledError
        return equations


def conductance(part: Part, now: float) -> float:
    """Return the conductance of a part for direct current, in siemens; 0 if it has none."""
    if part.kind in ("resistor", "open", "short"):
        return 1.0 / max(part.main_value(now), MIN_RESISTANCE)
    if part.kind == "inductor":
        return 1.0 / part.values["resistance"]
    return 0.0
