"""The calls that read what counters measure, and write the pulses that they put out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from device_sim.base.wire import Fields
from device_sim.call import Call
from device_sim.drivers.nidaqmx.counter_lines import PULSES, prefix_of
from device_sim.drivers.nidaqmx.counter_output import (
    CounterOutput,
    Pulse,
    by_frequency,
    by_time,
    timebase_of_output,
)
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.layout import padded
from device_sim.drivers.nidaqmx.read_calls import read_for
from device_sim.drivers.nidaqmx.reading import Reading
from device_sim.drivers.nidaqmx.task import Task
from device_sim.drivers.nidaqmx.timing import MOST_SAMPLES
from device_sim.drivers.nidaqmx.write_calls import WRITTEN, require
from device_sim.errors import DriverError

_COUNTERS = ("CI",)
_LARGEST = 2**32 - 1


class CounterReads:
    """Serve the reads of counter inputs."""

    def read_counter_f64_ex(self, task: Task, request: Any, call: Call) -> Fields:
        """Return measurements, or counts."""
        return _array(task, request, call, float)

    read_counter_f64 = read_counter_f64_ex

    def read_counter_u32_ex(self, task: Task, request: Any, call: Call) -> Fields:
        """Return measurements or counts as whole numbers."""
        return _array(task, request, call, np.uint32)

    read_counter_u32 = read_counter_u32_ex

    def read_counter_scalar_f64(self, task: Task, request: Any, call: Call) -> Fields:
        """Return one measurement or count."""
        return {"value": float(_read(task, request, call, room=1).samples[0, 0])}

    def read_counter_scalar_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Return one measurement or count as a whole number."""
        found = _read(task, request, call, room=1)
        return {"value": int(_whole(found.samples[0])[0])}

    def read_ctr_freq(self, task: Task, request: Any, call: Call) -> Fields:
        """Return frequencies and duty cycles."""
        return _pairs(task, request, call, PULSES[0], ("frequency", "duty_cycle"))

    def read_ctr_freq_scalar(self, task: Task, request: Any, call: Call) -> Fields:
        """Return one frequency and duty cycle."""
        return _pair(task, request, call, PULSES[0], ("frequency", "duty_cycle"))

    def read_ctr_time(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the times in which the pulses are high and low."""
        return _pairs(task, request, call, PULSES[1], ("high_time", "low_time"))

    def read_ctr_time_scalar(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the times of one pulse."""
        return _pair(task, request, call, PULSES[1], ("high_time", "low_time"))

    def read_ctr_ticks(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the ticks in which the pulses are high and low."""
        return _pairs(task, request, call, PULSES[2], ("high_ticks", "low_ticks"), np.uint32)

    def read_ctr_ticks_scalar(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the ticks of one pulse."""
        found = _pair(task, request, call, PULSES[2], ("high_ticks", "low_ticks"))
        return {name: int(value) for name, value in found.items()}


def _read(
    task: Task, request: Any, call: Call, *, room: int, prefixes: Sequence[str] = ()
) -> Reading:
    """Return what a counter measures.

    Raises:
        DriverError: The task measures something else, or the samples cannot be read.
    """
    if task.kind == "CI":
        prefix = prefix_of(task.channels[0])
        fits = prefix in prefixes if prefixes else prefix not in PULSES
        if not fits:
            raise DriverError(ERRORS.READ_CHAN_TYPE_MISMATCH, f"Task: {task.name}")
    return read_for(task, request, call, _COUNTERS, room=room)


def _whole(values: Any) -> Any:
    return np.clip(np.rint(values), 0, _LARGEST).astype(np.uint32)


def _array(task: Task, request: Any, call: Call, kind: Any) -> Fields:
    room = request.array_size_in_samps
    found = _read(task, request, call, room=room)
    values = found.samples[0] if kind is float else _whole(found.samples[0])
    return {
        "read_array": padded(values, min(room, MOST_SAMPLES)).tolist(),
        "samps_per_chan_read": found.count,
        "status": found.status,
    }


def _pairs(
    task: Task,
    request: Any,
    call: Call,
    prefix: str,
    names: tuple[str, str],
    kind: Any = float,
) -> Fields:
    room = request.array_size_in_samps
    found = _read(task, request, call, room=room, prefixes=(prefix,))
    arrays = found.samples if kind is float else _whole(found.samples)
    return {
        **{
            f"read_array_{name}": padded(row, min(room, MOST_SAMPLES)).tolist()
            for name, row in zip(names, arrays, strict=True)
        },
        "samps_per_chan_read": found.count,
        "status": found.status,
    }


def _pair(
    task: Task, request: Any, call: Call, prefix: str, names: tuple[str, str]
) -> dict[str, float]:
    found = _read(task, request, call, room=1, prefixes=(prefix,))
    return {name: float(row[0]) for name, row in zip(names, found.samples, strict=True)}


class CounterWrites:
    """Serve the writes to counter outputs: other pulses than those of the channel."""

    def write_ctr_freq(self, task: Task, request: Any, call: Call) -> Fields:
        """Write frequencies and duty cycles."""
        timebase = _timebase(task)
        pairs = zip(request.frequency, request.duty_cycle, strict=False)
        return _write_all(task, [by_frequency(*pair, timebase) for pair in pairs], request, call)

    def write_ctr_time(self, task: Task, request: Any, call: Call) -> Fields:
        """Write the times in which the pulses are high and low."""
        timebase = _timebase(task)
        pairs = zip(request.high_time, request.low_time, strict=False)
        return _write_all(task, [by_time(*pair, timebase) for pair in pairs], request, call)

    def write_ctr_ticks(self, task: Task, request: Any, call: Call) -> Fields:
        """Write the ticks in which the pulses are high and low."""
        _timebase(task)
        pairs = zip(request.high_ticks, request.low_ticks, strict=False)
        return _write_all(task, [Pulse(*pair).check() for pair in pairs], request, call)

    def write_ctr_freq_scalar(self, task: Task, request: Any, call: Call) -> None:
        """Write a frequency and duty cycle."""
        timebase = _timebase(task)
        _write(task, by_frequency(request.frequency, request.duty_cycle, timebase), request)

    def write_ctr_time_scalar(self, task: Task, request: Any, call: Call) -> None:
        """Write the times in which the pulses are high and low."""
        _write(task, by_time(request.high_time, request.low_time, _timebase(task)), request)

    def write_ctr_ticks_scalar(self, task: Task, request: Any, call: Call) -> None:
        """Write the ticks in which the pulses are high and low."""
        _timebase(task)
        _write(task, Pulse(request.high_ticks, request.low_ticks).check(), request)


def _timebase(task: Task) -> float:
    """Return the hertz of the timebase of the only channel of a task.

    Raises:
        DriverError: It has none, or several, or is not a counter output.
    """
    require(task, "CO")
    if len(task.channels) != 1:
        raise DriverError(
            ERRORS.WRITE_NUM_CHANS_MISMATCH, f"Channels: {len(task.channels)}\nTask: {task.name}"
        )
    return timebase_of_output(task.channels[0])


def _write_all(task: Task, pulses: Sequence[Pulse], request: Any, call: Call) -> Fields:
    """Write pulses, of which each replaces the one before. The trailer has their number.

    Raises:
        DriverError: They cannot be written, or a buffer of different pulses is wanted.
    """
    count = request.num_samps_per_chan
    if not 0 <= count <= len(pulses):
        raise DriverError(
            ERRORS.INVALID_NUM_SAMPS_TO_WRITE,
            f"Samples per channel: {count}\nValues: {len(pulses)}",
        )
    if count > 1 and task.state is not task.state.RUNNING:
        raise DriverError(
            ERRORS.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
            "Not simulated: a buffer of different pulses. Write one pulse, and others while the "
            "task runs.",
        )
    for pulse in pulses[:count]:
        _write(task, pulse, request)
    call.trail(WRITTEN, str(count))
    return {"num_samps_per_chan_written": count}


def _write(task: Task, pulse: Pulse, request: Any) -> None:
    if task.state is not task.state.RUNNING:
        if not request.auto_start:
            raise DriverError(
                ERRORS.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING,
                f"Task: {task.name}",
            )
        task.start()
    run = task.run
    assert isinstance(run, CounterOutput)
    run.check()
    run.change(pulse)
