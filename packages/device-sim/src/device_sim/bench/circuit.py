"""Nodal analysis of one moment: the voltages and currents that satisfy all parts at once.

Modified nodal analysis (Ho, Ruehli, Brennan 1975): the unknowns are the net voltages and the
currents of the branches with a given voltage. The states of a circuit are the voltages of its
capacitors, which are voltage sources behind their series resistance, and the currents of its
inductors, which are current sources. So a solution gives how fast the states change. Diodes are
linearised and iterated (Newton). The modes of the outputs (regulating or at a limit) are found by
trial, beginning with the previous modes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from device_sim.bench.diode import diode_current, diode_currents, limit_steps
from device_sim.bench.equations import Equations, Nodes, Vector
from device_sim.bench.parts import (
    MIN_RESISTANCE,
    SHAPES,
    Connection,
    Input,
    Output,
    Part,
    Terminal,
    wave_of,
)
from device_sim.bench.regulation import (
    REGULATING,
    better_mode,
    held_current,
    held_voltage,
    mode_without_path,
)
from device_sim.bench.waves import Wave
from device_sim.errors import BenchError

OUTPUT_RESISTANCE = 1e-12
"""Ohms in every voltage output. Two in parallel stay solvable; the error is a picovolt per amp."""

ROUNDING_FLOOR = 1e-6
"""Volts at a junction without current that rounding may leave."""

_LEAST_CONDUCTANCE = 1e-6  # Siemens.
_INDUCTOR_LEAK = 1e-10  # Siemens across every inductor: a current without a path has a voltage.
_NEWTON_STEPS = 200
_NEWTON_TOLERANCE = 1e-13
_NO_CURRENT = 1e-16  # Amperes. A change of a junction's current by less changes no reading.


class _UnsettledError(Exception):
    """Newton's method finds no operating point for the diodes."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """Changes of the observed values, one column for each cause."""

    by_state: Vector
    """For a change of each state by 1 V or 1 A."""

    by_wave: Vector
    """For a change of each wave by 1 V."""

    by_diode: Vector
    """For 1 A through each diode beyond that of its conductance."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One moment of the circuit."""

    observed: Vector
    """Net voltages, capacitor currents, output currents."""

    slopes: Slopes
    """Changes of `observed`, with the diodes as conductances."""

    across_diodes: Vector
    """The voltage of each diode."""

    modes: Mapping[str, int]
    """For each output: 0 if it regulates, 1 at its upper limit, -1 at its lower limit."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The equations with the outputs in given modes, without diodes, states and waves."""

    equations: Equations
    causes: Vector
    """The right sides of 1 V or 1 A of each state, and of 1 V of each wave, as columns."""
    outputs_at: Mapping[str, int]
    held: Mapping[str, float]


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
        self.made_of = (tuple(parts), connections, terminals, ground)
        """The arguments other than the time."""
        self.parts = parts = list(parts)
        self.now = now
        self.terminals = terminals
        self.ends = {name: (c.hi, c.lo) for name, c in connections.items()}
        for name, terminal in terminals.items():
            if isinstance(terminal, Input):
                inner, inside = terminal.parts(name, connections[name])
                self.ends[name] = (inner.hi, inner.lo)
                parts += inside
        self.nodes = Nodes((*(part.nets for part in parts), *self.ends.values()), ground)
        self._capacitors = [part for part in parts if part.kind == "capacitor"]
        self._inductors = [part for part in parts if part.kind == "inductor"]
        self.states = [*self._capacitors, *self._inductors]
        """The parts with a state: a capacitor's voltage, or an inductor's current."""
        self.storage = np.array([part.main_value(now) for part in self.states])
        """Farads and henries of the states."""
        self.diodes = [part for part in parts if part.kind == "diode"]
        self.outputs = {n: t for n, t in terminals.items() if isinstance(t, Output)}
        self._sources = [part for part in parts if part.kind in ("source", *SHAPES)]
        of_parts = {part.name: wave for part in self._sources if (wave := wave_of(part))}
        of_outputs = {name: out.wave for name, out in self.outputs.items() if out.wave}
        self._waves: dict[tuple[str, str], Wave] = {
            **{("part", name): wave for name, wave in of_parts.items()},
            **{("output", name): wave for name, wave in of_outputs.items()},
        }
        self.waves = list(self._waves.values())
        """The waves of parts and outputs."""
        self._modes: Mapping[str, int] = dict.fromkeys(self.outputs, REGULATING)
        self._across = np.zeros(len(self.diodes))
        self._frames: dict[tuple[int, ...], _Frame] = {}
        self._slopes: dict[tuple[int, ...], Slopes] = {}

    def wave_values(self, time: float) -> Vector:
        """Return the voltages of all waves just after a time."""
        at = np.array([time])
        return np.array([float(wave.values(at)[0]) for wave in self.waves])

    # Reading a solution. `observed` may have columns, such as one for each time.

    def voltage(self, observed: Vector, channel: str) -> Vector:
        """Return the volts between the terminals of a channel."""
        return np.asarray(self.nodes.across(observed, self.ends[channel]))

    def current(self, observed: Vector, channel: str) -> Vector:
        """Return the amperes out of the high terminal of a channel."""
        if channel in self.outputs:
            place = list(self.outputs).index(channel)
            return np.asarray(observed[self.nodes.count + len(self._capacitors) + place])
        terminal = self.terminals.get(channel)
        conductance = 1.0 / terminal.resistance if isinstance(terminal, Input) else 0.0
        return -conductance * self.voltage(observed, channel)

    def rates(self, observed: Vector, states: Vector) -> Vector:
        """Return how fast the states change, in volts and amperes per second."""
        count = self.nodes.count
        forces = [observed[count : count + len(self._capacitors)]]
        for part, current in zip(self._inductors, states[len(self._capacitors) :], strict=True):
            across = self.nodes.across(observed, part.nets)
            forces.append(np.asarray(across - part.values["resistance"] * current)[None])
        storage = self.storage if observed.ndim == 1 else self.storage[:, None]
        return np.asarray(np.concatenate(forces) / storage)

    def across_diodes(self, observed: Vector) -> Vector:
        """Return the voltage of each diode."""
        rows = [np.asarray(self.nodes.across(observed, part.nets)) for part in self.diodes]
        return np.array(rows).reshape(len(self.diodes), *observed.shape[1:])

    # Finding the modes of the outputs.

    def solve(self, states: Vector, waves: Vector, across: Vector | None = None) -> Solution:
        """Find the moment at which the states and the waves have these values.

        Args:
            states: The voltages of the capacitors and the currents of the inductors.
            waves: The voltages of the waves.
            across: About the voltages of the diodes, to begin from.

        Raises:
            BenchError: No combination of regulating and limiting outputs is a solution.
        """
        if across is not None:
            self._across = across
        modes = self._modes
        for attempt in range(20 + 4 * len(modes)):
            modes = self._hold_voltage_where_open(modes)
            try:
                solution = self._solve_in(modes, np.concatenate((states, waves)))
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
        for name, output in self.outputs.items():
            voltage = float(self.voltage(solution.observed, name))
            current = float(self.current(solution.observed, name))
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
        while any(held_current(o, result[n]) for n, o in self.outputs.items()):
            groups = self.groups(result)
            currents = {n: held_current(o, result[n]) for n, o in self.outputs.items()}
            stranded = {
                name: current
                for name, current in currents.items()
                if current and len({groups[node] for node in self.nodes.of(self.ends[name])}) > 1
            }
            if not stranded:
                return result
            strongest = max(stranded, key=lambda name: abs(stranded[name]))
            output = self.outputs[strongest]
            result[strongest] = mode_without_path(output, stranded[strongest])
        return result

    def _hold_voltage_everywhere(self, modes: Mapping[str, int]) -> dict[str, int]:
        """Put all outputs that hold a current into voltage mode."""
        held = {name: held_current(output, modes[name]) for name, output in self.outputs.items()}
        return {
            name: mode_without_path(self.outputs[name], current) if current else modes[name]
            for name, current in held.items()
        }

    def groups(self, modes: Mapping[str, int]) -> Mapping[int, int]:
        """Return the groups of nets that conducting parts connect."""
        joined = [p.nets for p in (*self.diodes, *self._capacitors, *self._sources)]
        joined += [p.nets for p in self.parts if conductance(p, self.now) > 0]
        joined += [
            self.ends[name]
            for name, terminal in self.terminals.items()
            if isinstance(terminal, Input) or held_current(terminal, modes[name]) is None
        ]
        return self.nodes.groups(joined)

    # Solving in given modes.

    def _solve_in(self, modes: dict[str, int], causes: Vector) -> Solution:
        """Solve with the outputs in given modes, even if the solution contradicts a mode."""
        frame = self._frame(modes)
        equations = frame.equations.copy()
        equations.right += frame.causes @ causes
        equations, across = self._linearised(equations)
        x = equations.solve()
        key = tuple(modes.values())
        slopes = self._slopes.get(key) or self._slopes_of(frame, across)
        if not self.diodes:
            self._slopes[key] = slopes
        return Solution(self._observe(x, frame.outputs_at, frame.held), slopes, across, modes)

    def conductances(self, across: Vector) -> Vector:
        """Return the conductance that stands for each diode in `Slopes`, around a voltage of it."""
        _, tangents = diode_currents(self.diodes, across, self.now)
        # With states, steps need the tangents. Without them, diodes that do not conduct need not
        # make the equations stiff.
        return tangents if self.states else np.maximum(tangents, _LEAST_CONDUCTANCE)

    def _slopes_of(self, frame: _Frame, across: Vector) -> Slopes:
        count = len(self.states)
        equations = frame.equations.copy()
        for part, conducting in zip(self.diodes, self.conductances(across), strict=True):
            equations.add_conductance(part.nets, float(conducting))
        through = Equations(self.nodes, len(equations.right) - self.nodes.count)
        columns = [frame.causes]
        for part in self.diodes:
            through.right[:] = 0.0
            through.add_current(part.nets, -1.0)
            columns.append(through.right[:, None].copy())
        causes = np.concatenate(columns, axis=1)
        found = np.linalg.solve(equations.matrix, causes) if causes.shape[1] else causes
        changes = self._observe(found, frame.outputs_at, {})
        last = count + len(self.waves)
        return Slopes(changes[:, :count], changes[:, count:last], changes[:, last:])

    def _observe(
        self, x: Vector, outputs_at: Mapping[str, int], held: Mapping[str, float]
    ) -> Vector:
        """Return the part of `x` that does not depend on the modes, and each output's current."""
        shape = (1, *x.shape[1:])
        currents = [
            np.reshape(-x[outputs_at[name]], shape)
            if name in outputs_at
            else np.full(shape, held.get(name, 0.0))
            for name in self.outputs
        ]
        return np.concatenate([x[: self.nodes.count + len(self._capacitors)], *currents])

    def _frame(self, modes: Mapping[str, int]) -> _Frame:
        key = tuple(modes.values())
        if key not in self._frames:
            self._frames[key] = self._make_frame(modes)
        return self._frames[key]

    def _make_frame(self, modes: Mapping[str, int]) -> _Frame:
        holding = {n: held_voltage(output, modes[n]) for n, output in self.outputs.items()}
        branches = len(self._capacitors) + len(self._sources)
        equations = Equations(self.nodes, branches + sum(v is not None for v in holding.values()))
        for part in self._capacitors:
            equations.add_branch(part.nets, 0.0, part.values["esr"])
        rows = {}
        for part in self._sources:
            level, resistance = part.main_value(self.now), part.values["resistance"]
            rows["part", part.name] = equations.add_branch(part.nets, level, resistance)
        outputs_at = {}
        for name, held_level in holding.items():
            if held_level is not None:
                resistance = OUTPUT_RESISTANCE + self.outputs[name].resistance
                outputs_at[name] = equations.add_branch(self.ends[name], held_level, resistance)
                if modes[name] == REGULATING:
                    rows["output", name] = outputs_at[name]
        for part in self.parts:
            equations.add_conductance(part.nets, conductance(part, self.now))
        for name, terminal in self.terminals.items():
            if isinstance(terminal, Input):
                equations.add_conductance(self.ends[name], 1.0 / terminal.resistance)
            else:
                equations.add_current(self.ends[name], held_current(terminal, modes[name]) or 0.0)
        equations.ground_floating(self.groups(modes))
        held = {name: held_current(t, modes[name]) or 0.0 for name, t in self.outputs.items()}
        return _Frame(equations, self._causes(len(equations.right), rows), outputs_at, held)

    def _causes(self, size: int, rows: Mapping[tuple[str, str], int]) -> Vector:
        """Return the right sides of 1 V or 1 A of each state and wave, as columns."""
        causes = np.zeros((size, len(self.states) + len(self.waves)))
        for index in range(len(self._capacitors)):
            causes[self.nodes.count + index, index] = 1.0
        for index, part in enumerate(self._inductors, len(self._capacitors)):
            for node, sign in zip(self.nodes.of(part.nets), (-1.0, 1.0), strict=True):
                if node >= 0:
                    causes[node, index] += sign
        for index, owner in enumerate(self._waves, len(self.states)):
            if owner in rows:
                causes[rows[owner], index] = 1.0
        return causes

    def _linearised(self, equations: Equations) -> tuple[Equations, Vector]:
        """Add the diodes, each as the tangent at its operating point; return its voltage, too.

        Raises:
            _UnsettledError: Newton's method finds no operating point.
        """
        if not self.diodes:
            return equations, self._across
        try:
            found = self._iterated(equations, self._across)
        except _UnsettledError:
            found = self._iterated(equations, np.zeros(len(self.diodes)))
        self._across = found[1]
        return found

    def _iterated(self, equations: Equations, start: Vector) -> tuple[Equations, Vector]:
        """Iterate from some voltages of the diodes (Newton)."""
        across, change = start, math.inf
        for _ in range(_NEWTON_STEPS):
            tangent = equations.copy()
            slopes = []
            for part, voltage in zip(self.diodes, across, strict=True):
                current, slope = diode_current(part, voltage, self.now)
                slopes.append(slope)
                tangent.add_conductance(part.nets, float(slope))
                tangent.add_current(part.nets, float(slope * voltage - current))
            wanted = self.across_diodes(tangent.solve())
            limited = limit_steps(self.diodes, across, wanted)
            changes = np.abs(wanted - across)
            before, change = change, float(np.max(changes))
            settled = change <= _NEWTON_TOLERANCE * (1.0 + float(np.max(np.abs(wanted))))
            # A junction without current has only the voltage that rounding leaves.
            rounded = ROUNDING_FLOOR >= change >= before / 2.0
            rounded |= float(np.max(slopes * changes)) <= _NO_CURRENT
            if bool((limited == wanted).all()) and (settled or rounded):
                return tangent, across
            across = limited
        raise _UnsettledError


def conductance(part: Part, now: float) -> float:
    """Return the conductance of a part for direct current, in siemens; 0 if it has none."""
    if part.kind in ("resistor", "open", "short"):
        return 1.0 / max(part.main_value(now), MIN_RESISTANCE)
    if part.kind == "inductor":
        return _INDUCTOR_LEAK
    return 0.0
