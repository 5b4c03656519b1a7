"""The calls that read and write waveforms: samples with their times and the names of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from grpc import StatusCode
from nidaqmx.constants import WaveformAttributeMode

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.read_calls import ANALOG, DIGITAL, read_for
from device_sim.drivers.nidaqmx.reading import Reading
from device_sim.drivers.nidaqmx.run import Block
from device_sim.drivers.nidaqmx.task import Task
from device_sim.drivers.nidaqmx.timing import MOST_SAMPLES
from device_sim.drivers.nidaqmx.write_calls import in_hardware, require, write_for
from device_sim.errors import CallError, DriverError

_EPOCH = 2_082_844_800  # Seconds from 1904 to 1970.
_FRACTIONS = 2**64  # Of a second.


class WaveformCalls:
    """Serve the waveforms of analog and digital channels."""

    def read_analog_waveforms(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a waveform of each analog input."""
        mode = enum_value(request, "waveform_attribute_mode")
        found = read_for(task, request, call, ANALOG, room=MOST_SAMPLES)
        waveforms = [
            {
                "y_data": row.tolist(),
                **_timing(task, found, mode),
                **_names(channel, mode),
            }
            for channel, row in zip(task.channels, found.samples, strict=True)
        ]
        return _answer(waveforms, found)

    def read_digital_waveforms(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a waveform of each digital channel, with a byte for each line."""
        mode = enum_value(request, "waveform_attribute_mode")
        found = read_for(task, request, call, DIGITAL, room=MOST_SAMPLES)
        waveforms, first = [], 0
        for channel in task.channels:
            lines = found.samples[first : first + len(channel.lines)]
            first += len(channel.lines)
            waveforms.append(
                {
                    "signal_count": len(lines),
                    "y_data": lines[_order(channel)].T.astype(np.uint8).tobytes(),
                    **_timing(task, found, mode),
                    **_names(channel, mode),
                }
            )
        return _answer(waveforms, found)

    def write_analog_waveforms(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a waveform to each analog output."""
        require(task, "AO")
        _check_count(task, request.waveforms)
        block = np.array([np.array(each.y_data, float) for each in request.waveforms])
        return write_for(task, in_hardware(task, block), request, call)

    def write_digital_waveforms(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a waveform to each digital channel, with a byte for each line."""
        require(task, "DO")
        _check_count(task, request.waveforms)
        parts = [
            _lines(channel, each)
            for channel, each in zip(task.channels, request.waveforms, strict=True)
        ]
        return write_for(task, np.concatenate(parts), request, call)


def _answer(waveforms: Sequence[Fields], found: Reading) -> Fields:
    """Return waveforms. Other than arrays, they come whole or not at all, as from NI's server.

    Raises:
        DriverError: Some samples did not come in time.
    """
    if found.status:
        raise DriverError(ERRORS.SAMPLES_NOT_YET_AVAILABLE)
    return {"waveforms": waveforms, "samps_per_chan_read": found.count}


def _timing(task: Task, found: Reading, mode: int) -> Fields:
    if not mode & WaveformAttributeMode.TIMING.value:
        return {}
    seconds, fraction = divmod(task.hardware.wall_time(found.begin), 1.0)
    begin = {
        "seconds": int(seconds) + _EPOCH,
        "fractional_seconds": min(int(fraction * _FRACTIONS), _FRACTIONS - 1),
    }
    return {"t0": begin, "dt": found.spacing}


def _names(channel: Channel, mode: int) -> Fields:
    if not mode & WaveformAttributeMode.EXTENDED_PROPERTIES.value:
        return {}
    facts = {"NI_ChannelName": channel.name}
    if channel.kind in DIGITAL:
        names = [channel.lines[place].name for place in _order(channel)]
        facts["NI_LineNames"] = ", ".join(names)
    else:
        facts["NI_UnitDescription"] = "Volts"
    return {"attributes": {name: {"string_value": text} for name, text in facts.items()}}


def _order(channel: Channel) -> list[int]:
    """Return the places of a channel's lines in a waveform, where a port begins with its last."""
    places: list[int] = []
    for each in channel.physical:
        own = range(len(places), len(places) + len(each.lines))
        places += reversed(own) if each.is_port else own
    return places


def _check_count(task: Task, waveforms: Sequence[Any]) -> None:
    if not waveforms:
        raise CallError(StatusCode.INVALID_ARGUMENT, "No waveforms provided")
    if len(waveforms) != len(task.channels):
        raise DriverError(
            ERRORS.WRITE_NUM_CHANS_MISMATCH,
            f"Waveforms: {len(waveforms)}\nChannels: {len(task.channels)}\nTask: {task.name}",
        )
    if len({_samples_of(each) for each in waveforms}) > 1:
        text = "The waveforms must all have the same sample count."
        raise CallError(StatusCode.INVALID_ARGUMENT, text)


def _samples_of(waveform: Any) -> int:
    signals = getattr(waveform, "signal_count", 1)
    return len(waveform.y_data) // signals if signals else 0


def _lines(channel: Channel, waveform: Any) -> Block:
    """Return a row for each line of a channel."""
    width = len(channel.lines)
    if waveform.signal_count != width or len(waveform.y_data) % width:
        raise DriverError(
            ERRORS.NUM_LINES_MISMATCH_IN_READ_OR_WRITE,
            f"Channel: {channel.name}\nLines: {width}\nSignals: {waveform.signal_count}",
        )
    values = np.frombuffer(waveform.y_data, np.uint8).reshape(-1, width).T
    lines = np.empty_like(values, bool)
    lines[_order(channel)] = values
    return lines
