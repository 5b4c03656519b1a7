"""The channels of tasks on the bench: what inputs see on their nets, and what outputs drive.

A differential input reads its own net minus that of the input eight numbers on, if the bench file
wires it; else minus the net at its low terminal. All channels of a task are sampled together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from nidaqmx.constants import TerminalConfiguration, UsageTypeAI

from device_sim.bench import Accuracy, Bench, Grid, Held, Input, Output, Terminal
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.system import Device, PhysicalChannel
from device_sim.errors import DriverError
from device_sim.nets import HIGH_FROM, LOW_TO

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.generation import Generation
    from device_sim.drivers.nidaqmx.task import Task

LOGIC_HIGH = 5.0
"""Volts of a digital output that is high."""
_LINE_OHMS = 50.0  # Of a digital output.
_ANALOG_OHMS = 0.2  # Of an analog output.
_ANALOG_INPUT = Input(10e9, 100e-12)
_LINE_INPUT = Input(50e3)
_THRESHOLD = (HIGH_FROM + LOW_TO) / 2.0  # Volts from which on a line reads high.
_CODES = 2**16
_PAIR = 8  # From a positive input to its negative one.

Volts = npt.NDArray[np.float64]


def is_wired(bench: Bench, channels: Iterable[PhysicalChannel]) -> bool:
    """Return whether the bench file connects one of some physical channels."""
    return any(bench.is_wired(line.name) for each in channels for line in each.lines)


def power_up(device: Device, bench: Bench, at: float) -> None:
    """Connect a device to its nets: analog outputs have 0 V, and all lines are inputs."""
    terminals: dict[str, Terminal | None] = {
        each.name: terminal
        for word, terminal in (
            ("ai", _ANALOG_INPUT),
            ("ao", _analog_output(0.0)),
            ("line", _LINE_INPUT),
        )
        for each in device.channels(word)
    }
    bench.drive_all(terminals, at)


def release(task: Task) -> None:
    """Make inputs of the lines of a task."""
    lines = [line for channel in task.channels for line in channel.lines]
    task.hardware.bench.drive_all({each.name: _LINE_INPUT for each in lines}, task.hardware.now)


def analog(channel: Channel, bench: Bench, grid: Grid) -> Volts | None:
    """Return samples of an analog input in its units, None if the bench file does not wire it.

    A grid without spacing means as many readings of one moment.

    Raises:
        DriverError: What it measures is not simulated on a bench.
    """
    physical = channel.physical[0]
    if not bench.is_wired(physical.name):
        return None
    ohms = _shunt_of(channel)
    moment = grid if grid.spacing else grid.part(0, 1)
    volts = _between(channel, physical, bench, moment)
    volts = volts if grid.spacing else volts.repeat(grid.count)
    high = float(channel.attributes["AI_RNG_HIGH"])
    converter = bench.converter(f"{physical.name} voltage")
    volts = converter.convert_all(volts, _accuracy(physical, high))
    return np.clip(volts, float(channel.attributes["AI_RNG_LOW"]), high) / ohms


def _between(channel: Channel, physical: PhysicalChannel, bench: Bench, grid: Grid) -> Volts:
    volts = bench.sample(physical.name, grid).voltages
    if channel.attributes["AI_TERM_CFG"] == TerminalConfiguration.DIFF.value:
        negative = physical.device.find(f"ai{physical.index + _PAIR}")
        if negative is not None and bench.is_wired(negative.name):
            volts = volts - bench.sample(negative.name, grid).voltages
    return volts


def _accuracy(physical: PhysicalChannel, high: float) -> Accuracy:
    rows = physical.device.accuracies
    row = next((each for each in rows if each["range"] >= high * (1.0 - 1e-9)), rows[-1])
    return Accuracy(row["gain"], row["offset"], row["noise"], 2.0 * high / _CODES)


def _shunt_of(channel: Channel) -> float:
    """Return the ohms at which a channel measures the voltage of its current; 1 for a voltage.

    Raises:
        DriverError: It measures something else.
    """
    kind = channel.attributes["AI_MEAS_TYPE"]
    if kind == UsageTypeAI.CURRENT.value:
        return float(channel.attributes["AI_CURRENT_SHUNT_RESISTANCE"])
    if kind != UsageTypeAI.VOLTAGE.value:
        raise DriverError(
            ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
            f"Not simulated on a bench: the measurement {UsageTypeAI(kind).name} of the channel "
            f"{channel.name}. Measure a voltage or current.",
        )
    return 1.0


def digital(line: PhysicalChannel, bench: Bench, grid: Grid) -> npt.NDArray[np.bool_] | None:
    """Return samples of a digital line, None if the bench file does not wire it."""
    if not bench.is_wired(line.name):
        return None
    moment = grid if grid.spacing else grid.part(0, 1)
    states = bench.sample(line.name, moment).voltages >= _THRESHOLD
    return np.asarray(states if grid.spacing else states.repeat(grid.count))


# Outputs.


def hold(task: Task, values: Mapping[str, float], at: float) -> None:
    """Drive the outputs of a task with constant values, by their physical channels."""
    terminals = {name: _output(task.kind, float(value)) for name, value in values.items()}
    task.hardware.bench.drive_all(terminals, at)


def generate(run: Generation, at: float) -> None:
    """Drive the outputs of a task with the samples that it has been given, from a time on.

    If a client writes others later, this comes again.
    """
    task, bench, last = run.task, run.task.hardware.bench, run.last
    lines = [line for channel in task.channels for line in channel.lines]
    if not is_wired(bench, lines):
        return
    block, first = run.known()
    rows = block.astype(np.float64) * (1.0 if task.kind == "AO" else LOGIC_HIGH)
    terminals: dict[str, Terminal | None] = {
        line.name: _output(task.kind, 0.0, _wave(row, first, last, run))
        for line, row in zip(lines, rows, strict=True)
    }
    bench.drive_all(terminals, at)


def _wave(row: Volts, first: int, last: float, run: Generation) -> Held:
    """Return the course of an output.

    Args:
        row: The samples that are known, which repeat themselves if the task regenerates.
        first: The number of the first of them.
        last: The number of samples of the whole generation.
        run: The generation.
    """
    assert run.origin is not None
    length, rate = len(row), run.plan.rate
    if run.regenerates and math.isinf(last):
        return Held(lambda numbers: row[numbers], rate, run.origin, length)
    if run.regenerates:
        return Held(lambda n: row[np.minimum(n, int(last) - 1) % length], rate, run.origin)
    return Held(lambda n: row[np.clip(n - first, 0, length - 1)], rate, run.origin)


def _output(kind: str, value: float, wave: Held | None = None) -> Output:
    if kind == "AO":
        return _analog_output(value, wave)
    level = LOGIC_HIGH * value
    return Output("voltage", level, -math.inf, math.inf, _LINE_OHMS, wave)


def _analog_output(level: float, wave: Held | None = None) -> Output:
    return Output("voltage", level, -math.inf, math.inf, _ANALOG_OHMS, wave)
