"""The triggers of a task, from terminals and from the signals of its channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from nidaqmx.constants import Edge, Slope, TriggerType

from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.timing import Plan, Wait
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.run import Run
    from device_sim.drivers.nidaqmx.task import Task

_PREFIXES = {Wait.START: "START_TRIG", Wait.REFERENCE: "REF_TRIG"}
_EXPORTED = {
    Wait.START.value: "START_TRIG_OUTPUT_TERM",
    Wait.REFERENCE.value: "REF_TRIG_OUTPUT_TERM",
}

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Level:
    """An analog edge of one channel."""

    row: int
    """The place of the channel in the task."""

    arms: Callable[[npt.NDArray[Any]], Flags]
    """Return where the signal is on the side from which the edge comes."""

    fires: Callable[[npt.NDArray[Any]], Flags]
    """Return where the signal is on the other side."""


def awaited(task: Task, plan: Plan) -> set[Wait]:
    """Return the triggers that come by a terminal.

    Without wiring a task triggers itself, as NI's simulated devices do, unless a fault loses its
    triggers.
    """
    if not (task.is_wired or _loses(task, task.devices[0], task.hardware.now)):
        return set()
    return {wait for wait in _PREFIXES if _kind(task, wait) == TriggerType.DIGITAL_EDGE.value}


def level_of(task: Task, wait: Wait) -> Level | None:
    """Return an analog trigger on one of the task's channels, None if there is none.

    Raises:
        DriverError: Its source is not a channel of the task.
    """
    if not task.is_wired or _kind(task, wait) != TriggerType.ANALOG_EDGE.value:
        return None
    trigger, prefix = task.groups["Trigger"], f"ANLG_EDGE_{_PREFIXES[wait]}"
    source = str(trigger[f"{prefix}_SRC"]).strip("/").lower()
    names = [
        {channel.name.lower(), *(each.name.lower() for each in channel.physical)}
        for channel in task.channels
    ]
    rows = [row for row, known in enumerate(names) if source in known]
    if not rows:
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: {prefix}_SRC\nRequested Value: {source}\n"
            "Not simulated on a bench: a source that is not a channel of the task.",
        )
    level, hysteresis = float(trigger[f"{prefix}_LVL"]), float(trigger[f"{prefix}_HYST"])
    if trigger[f"{prefix}_SLOPE"] == Slope.RISING.value:
        return Level(rows[0], lambda v: v < level - hysteresis, lambda v: v >= level)
    return Level(rows[0], lambda v: v > level + hysteresis, lambda v: v <= level)


def listen(task: Task, run: Run) -> None:
    """Let edges on terminals trigger a run."""
    from device_sim.bench import Ear, terminal_name

    device = task.devices[0]
    bench = task.hardware.bench
    for wait in awaited(task, run.plan):
        prefix = f"DIG_EDGE_{_PREFIXES[wait]}"
        trigger = task.groups["Trigger"]
        name = terminal_name(str(trigger[f"{prefix}_SRC"]), device)
        rising = trigger[f"{prefix}_EDGE"] == Edge.RISING.value
        is_deaf = partial(_loses, task, device)
        bench.bus.listen(Ear(run, wait, name, rising, is_deaf))


def _loses(task: Task, device: str, at: float) -> bool:
    return bool(task.hardware.bench.faults.disturbances("lose_triggers", device, at))


def put_out(task: Task, signal: str, at: float) -> bool:
    """Put a signal of a task onto its own terminal, and onto that to which it is exported.

    Returns:
        Whether others must run now.
    """
    from device_sim.bench import terminal_name

    device, exported = task.devices[0], task.groups["ExportSignal"]
    names = [f"/{device}/{task.kind}/{signal}"]
    if signal in _EXPORTED and exported.is_set(_EXPORTED[signal]):
        names += str(exported[_EXPORTED[signal]]).split(",")
    terminals = [terminal_name(name, device) for name in names]
    return task.hardware.bench.bus.pulse(terminals, at)


def _kind(task: Task, wait: Wait) -> int:
    trigger, name = task.groups["Trigger"], f"{_PREFIXES[wait]}_TYPE"
    return int(trigger.get(name, TriggerType.NONE.value))
