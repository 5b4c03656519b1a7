"""The timing of a task: which samples it takes or puts out, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from nidaqmx.constants import AcquisitionType, SampleTimingType, TriggerType

from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.errors import DriverError

if TYPE_CHECKING:
    from device_sim.drivers.nidaqmx.system import Device
    from device_sim.drivers.nidaqmx.task import Task

MOST_SAMPLES = 2**24
"""Largest number of samples of all channels in one buffer."""

_BUFFERS = ((100.0, 1_000), (10_000.0, 10_000), (1e6, 100_000), (math.inf, 1_000_000))
"""The samples per channel of a buffer for continuous acquisitions, by the highest rate."""
_NONE = TriggerType.NONE.value
_TRIGGERS = (_NONE, TriggerType.DIGITAL_EDGE.value, TriggerType.ANALOG_EDGE.value)
_ENGINES = ("ai", "ao", "di", "do")
_CLOCKED = (SampleTimingType.SAMPLE_CLOCK.value, SampleTimingType.PIPELINED_SAMPLE_CLOCK.value)
_RATES = {"AO": "AO_MAX_RATE", "DI": "DI_MAX_RATE", "DO": "DO_MAX_RATE"}
"""The property of a device with its highest sample rate, by kind of channel."""


class Mode(Enum):
    """When a task takes or puts out samples."""

    ON_DEMAND = "on demand"
    FINITE = "finite"
    CONTINUOUS = "continuous"


class Wait(Enum):
    """The triggers that a task can wait for."""

    START = "StartTrigger"
    REFERENCE = "ReferenceTrigger"


@dataclass(frozen=True, slots=True)
class Plan:
    """The timing of a task, as it is when the task is committed."""

    mode: Mode
    """When it takes or puts out samples."""

    rate: float
    """Samples per second of each channel."""

    length: int
    """Samples of each channel of a finite task; the size that the client asks for, otherwise."""

    buffer: int
    """Samples of each channel that the buffer holds."""

    before: int
    """Samples of each channel before a reference trigger; -1 without one."""

    def at(self, number: int) -> float:
        """Return the time of a sample in seconds after the first one."""
        return number / self.rate


def mode_of(task: Task) -> Mode:
    """Return when a task takes or puts out samples.

    Raises:
        DriverError: Such a timing is not simulated.
    """
    timing = task.groups["Timing"]
    kind = timing["SAMP_TIMING_TYPE"]
    if kind == SampleTimingType.ON_DEMAND.value:
        return Mode.ON_DEMAND
    if kind not in _CLOCKED and kind != SampleTimingType.IMPLICIT.value:
        raise _cannot(f"the timing {SampleTimingType(kind).name}")
    mode = timing["SAMP_QUANT_SAMP_MODE"]
    if mode == AcquisitionType.FINITE.value:
        return Mode.FINITE
    if mode == AcquisitionType.CONTINUOUS.value:
        return Mode.CONTINUOUS
    raise _cannot("hardware-timed single points")


def buffer_of(task: Task) -> int:
    """Return the samples of each channel that a task's buffer holds; 0 without a buffer.

    Raises:
        DriverError: The client asked for an impossible size.
    """
    timing, name = task.groups["Timing"], "OUTPUT_BUF_SIZE" if task.is_output else "INPUT_BUF_SIZE"
    buffer = task.groups["Buffer"]
    if buffer.is_set(name):
        _check_samples(task, name, int(buffer[name]), 1)
        return int(buffer[name])
    mode, length = mode_of(task), int(timing["SAMP_QUANT_SAMP_PER_CHAN"])
    if mode is Mode.ON_DEMAND:
        return 0
    if mode is Mode.FINITE or task.is_output:
        return length
    rate = float(timing["SAMP_CLK_RATE"])
    return max(length, next(size for most, size in _BUFFERS if rate <= most))


def plan_of(task: Task) -> Plan:
    """Return the timing of a task.

    Raises:
        DriverError: The properties contradict each other, or such a timing is not simulated.
    """
    timing, trigger, mode = task.groups["Timing"], task.groups["Trigger"], mode_of(task)
    start, reference = (_trigger(task, name) for name in ("START_TRIG_TYPE", "REF_TRIG_TYPE"))
    if mode is Mode.ON_DEMAND:
        triggered = task.kind != "CO" and start != _NONE  # A pulse may wait for a trigger.
        if triggered or reference != _NONE:
            raise DriverError(ERRORS.TRIG_WHEN_ON_DEMAND_SAMP_TIMING)
        return Plan(mode, 0.0, 0, 0, -1)
    rate, length = float(timing["SAMP_CLK_RATE"]), int(timing["SAMP_QUANT_SAMP_PER_CHAN"])
    if timing["SAMP_TIMING_TYPE"] != SampleTimingType.IMPLICIT.value:
        _check_clock(task, str(timing["SAMP_CLK_SRC"]))
        _check_rate(task, rate)
    _check_samples(task, "SAMP_QUANT_SAMP_PER_CHAN", length, 1 if task.kind == "CO" else 2)
    before = int(trigger["REF_TRIG_PRETRIG_SAMPLES"]) if reference != _NONE else -1
    if before >= 0 and (mode is not Mode.FINITE or not 2 <= before < length):
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            "Property: REF_TRIG_PRETRIG_SAMPLES\nA reference trigger needs finite samples: "
            f"at least 2 before it and 1 after it.\nRequested Value: {before}",
        )
    return Plan(mode, rate, length, buffer_of(task), before)


def _trigger(task: Task, name: str) -> int:
    kind = int(task.groups["Trigger"].get(name, _NONE))
    if task.is_wired and kind not in _TRIGGERS:
        raise _cannot(f"the trigger {TriggerType(kind).name} on a bench. Use an edge")
    return kind


def _check_clock(task: Task, source: str) -> None:
    """Refuse a sample clock that comes from outside of the device, on a bench."""
    own = any(source.startswith(f"/{each}/{kind}/") for each in task.devices for kind in _ENGINES)
    if task.is_wired and source and not own and source.lower() != "onboardclock":
        raise _cannot(f"the sample clock {source} on a bench. Use that of the device")


def _check_rate(task: Task, rate: float) -> None:
    most = min(highest_rate(task, device) for device in task.system_devices)
    if not 0.0 < rate <= most:
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: SAMP_CLK_RATE\nRequested Value: {rate}\nMaximum Value: {most}",
        )


def highest_rate(task: Task, device: Device) -> float:
    """Return the highest sample rate of a device with the channels of a task."""
    properties = device.groups["Device"]
    if task.kind == "AI" and "AI_MAX_MULTI_CHAN_RATE" in properties:
        many = sum(device.name in channel.devices for channel in task.channels)
        if many == 1:
            return float(properties["AI_MAX_SINGLE_CHAN_RATE"])
        shares = 1 if properties["AI_SIMULTANEOUS_SAMPLING_SUPPORTED"] else many
        return float(properties["AI_MAX_MULTI_CHAN_RATE"]) / shares
    name = _RATES.get(task.kind, "")
    return float(properties[name]) if name in properties else math.inf


def _check_samples(task: Task, name: str, count: int, least: int) -> None:
    most = MOST_SAMPLES // max(len(task.channels), 1)
    if not least <= count <= most:
        raise DriverError(
            ERRORS.INVALID_ATTRIBUTE_VALUE,
            f"Property: {name}\nRequested Value: {count}\n"
            f"Minimum Value: {least}\nMaximum Value: {most}",
        )


def _cannot(what: str) -> DriverError:
    return DriverError(ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, f"Not simulated: {what}")
