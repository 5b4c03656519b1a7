"""The circuit for small alternating currents around its operating point.

Regulated quantities do not move: a regulated voltage is a short for alternating current, and a held
current is an open circuit. Diodes have the slope of their operating point.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping

from device_sim.bench.circuit import OUTPUT_RESISTANCE, Circuit, Solution, conductance
from device_sim.bench.diode import diode_current
from device_sim.bench.equations import Equations
from device_sim.bench.parts import SHAPES, Input, Output, Part, wave_of
from device_sim.bench.regulation import held_current
from device_sim.bench.waves import Sine, Wave


def sines(circuit: Circuit) -> set[float]:
    """Return the frequencies of the sines on the bench, in hertz."""
    return {wave.frequency for wave in circuit.waves if isinstance(wave, Sine) and wave.amplitude}


def phasor(circuit: Circuit, solution: Solution, channel: str, frequency: float) -> complex:
    """Return the RMS voltage and phase between a channel's terminals from one frequency's sines."""
    equations = _equations(circuit, solution, frequency, without=None)
    return complex(circuit.nodes.across(equations.solve(), circuit.ends[channel]))


def impedance(circuit: Circuit, solution: Solution, channel: str, frequency: float) -> complex:
    """Return the ohms that a channel sees between its terminals, without the channel itself."""
    equations = _equations(circuit, solution, frequency, without=channel)
    equations.right[:] = 0.0
    equations.add_current(circuit.ends[channel], 1.0)
    return complex(circuit.nodes.across(equations.solve(), circuit.ends[channel]))


def _equations(
    circuit: Circuit, solution: Solution, frequency: float, without: str | None
) -> Equations:
    omega = 2.0 * math.pi * frequency
    sources = [part for part in circuit.parts if part.kind in ("source", *SHAPES)]
    stiff = _stiff_outputs(circuit, solution.modes, without)
    equations = Equations(circuit.nodes, len(sources) + len(stiff), complex)
    for part in sources:
        equations.add_branch(part.nets, _sine(wave_of(part), frequency), part.values["resistance"])
    for name, output in stiff.items():
        resistance = OUTPUT_RESISTANCE + output.resistance
        equations.add_branch(circuit.ends[name], _sine(output.wave, frequency), resistance)
    for part in circuit.parts:
        across = float(circuit.nodes.across(solution.observed, part.nets))
        equations.add_conductance(part.nets, _admittance(part, omega, across, circuit.now))
    for name, terminal in circuit.terminals.items():
        if isinstance(terminal, Input) and name != without:
            equations.add_conductance(circuit.ends[name], 1.0 / terminal.resistance)
    equations.ground_floating(circuit.groups(solution.modes))
    return equations


def _stiff_outputs(
    circuit: Circuit, modes: Mapping[str, int], without: str | None
) -> dict[str, Output]:
    """Return the outputs that hold a voltage."""
    return {
        name: terminal
        for name, terminal in circuit.terminals.items()
        if not isinstance(terminal, Input)
        and name != without
        and held_current(terminal, modes[name]) is None
    }


def _sine(wave: Wave | None, frequency: float) -> complex:
    """Return the RMS voltage and phase of a wave at a frequency, if it is a sine of that."""
    if not isinstance(wave, Sine) or wave.frequency != frequency:
        return 0.0
    return cmath.rect(wave.amplitude, math.radians(wave.phase))


def _admittance(part: Part, omega: float, across: float, now: float) -> complex:
    if part.kind == "capacitor":
        reactance = 1.0 / (omega * part.main_value(now)) if omega else math.inf
        return 1.0 / complex(part.values["esr"], -reactance)
    if part.kind == "inductor":
        return 1.0 / complex(part.values["resistance"], omega * part.main_value(now))
    if part.kind == "diode":
        return complex(diode_current(part, across, now)[1])
    return conductance(part, now)
