"""The two states of an instrument's output: regulating, or at a limit.

An output has a set value for one quantity (its level) and limits for the other. While the other
quantity is within its limits, the output regulates. Otherwise it holds the limit, as long as it
gets less than its set value. NI calls the second state "in compliance".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device_sim.bench.equations import Vector
from device_sim.bench.parts import Input, Output, Terminal

Flags = npt.NDArray[np.bool_]

REGULATING, AT_HIGH, AT_LOW = 0, 1, -1


def held_current(terminal: Terminal, mode: int) -> float | None:
    """Return the current that a terminal holds in a mode, None if it holds no current."""
    if isinstance(terminal, Input):
        return None
    if terminal.quantity == "current":
        return terminal.level if mode == REGULATING else None
    return {REGULATING: None, AT_HIGH: terminal.high, AT_LOW: terminal.low}[mode]


def held_voltage(output: Output, mode: int) -> float | None:
    """Return the voltage that an output holds in a mode, None if it holds a current."""
    if output.quantity == "voltage":
        return output.level if mode == REGULATING else None
    return {REGULATING: None, AT_HIGH: output.high, AT_LOW: output.low}[mode]


def mode_without_path(output: Output, current: float) -> int:
    """Return the mode of an output whose current has no path."""
    if output.quantity == "voltage":
        return REGULATING
    return AT_HIGH if current > 0 else AT_LOW


def better_mode(output: Output, mode: int, voltage: float, current: float) -> int:
    """Return the mode that matches an output's voltage and current."""
    regulated, limited = (voltage, current) if output.quantity == "voltage" else (current, voltage)
    slack = 1e-9 * max(abs(output.high), abs(output.low))
    if mode == REGULATING:
        if limited > output.high + slack:
            return AT_HIGH
        return AT_LOW if limited < output.low - slack else REGULATING
    excess = (regulated - output.level) * mode
    return REGULATING if excess > _excess_of_rounding(output) else mode


def keeps_mode(output: Output, mode: int, voltages: Vector, currents: Vector) -> Flags:
    """Return where an output's voltages and currents match a mode."""
    is_voltage = output.quantity == "voltage"
    regulated, limited = (voltages, currents) if is_voltage else (currents, voltages)
    slack = 1e-9 * max(abs(output.high), abs(output.low))
    if mode == REGULATING:
        return np.asarray((limited <= output.high + slack) & (limited >= output.low - slack))
    excess = (regulated - output.level) * mode
    return np.asarray(excess <= _excess_of_rounding(output))


def _excess_of_rounding(output: Output) -> float:
    """Return how far beyond its level an output at its limit may be by rounding.

    An output of 0 A into an open circuit has the current that the linear algebra rounds, about
    1e-16 of the currents around it.
    """
    return 1e-9 * max(abs(output.level), 1e-4)
