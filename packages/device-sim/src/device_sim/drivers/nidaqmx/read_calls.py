"""The calls that read samples: decode, read, encode in the type that the client wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from device_sim.base.packing import pack_doubles
from device_sim.base.wire import Fields, field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.layout import flat, flat_lines, pack_lines, padded, widest
from device_sim.drivers.nidaqmx.reading import READABLE, Reading, read
from device_sim.drivers.nidaqmx.scaling import codes_of
from device_sim.drivers.nidaqmx.task import Task
from device_sim.drivers.nidaqmx.timing import MOST_SAMPLES
from device_sim.errors import DriverError, ErrorCode

ANALOG = ("AI",)
DIGITAL = ("DI", "DO")

_READ = "ni-samps-per-chan-read"


def read_for(
    task: Task, request: Any, call: Call, kinds: tuple[str, ...], *, room: int, width: int = 1
) -> Reading:
    """Return the samples that a client wants.

    Args:
        task: The task.
        request: The request: a number of samples of each channel, and a timeout.
        call: The call. Its trailing metadata has the number of samples that were read.
        kinds: The kinds of channels for which the call is.
        room: The number of values in the client's array.
        width: The values of a sample of a channel.

    Raises:
        DriverError: The samples cannot be read.
    """
    try:
        if task.kind in READABLE and task.kind not in kinds:
            raise DriverError(ERRORS.READ_CHAN_TYPE_MISMATCH, f"Task: {task.name}")
        most = room // max(width * len(task.channels), 1)
        wanted = getattr(request, "num_samps_per_chan", 1)
        found = read(task, wanted, request.timeout, call, most=most)
    except DriverError:
        call.trail(_READ, "0")
        raise
    call.trail(_READ, str(found.count))
    return found


class AnalogReads:
    """Serve the reads of analog inputs."""

    def read_analog_f64(self, task: Task, request: Any, call: Call) -> Fields:
        """Return samples in the units of the channels."""
        return _array(task, request, call, lambda block: block, pack_doubles)

    def read_analog_scalar_f64(self, task: Task, request: Any, call: Call) -> Fields:
        """Return one sample of the only channel."""
        found = read_for(task, request, call, ANALOG, room=1)
        return {"value": float(found.samples[0, 0])}

    def read_binary_i16(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the codes of the converter."""
        return _array(task, request, call, lambda block: codes_of(task, block))

    read_binary_i32 = read_binary_i16

    def read_binary_u16(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the codes of the converter as numbers without a sign."""
        return _array(task, request, call, lambda block: codes_of(task, block) & 0xFFFF)

    def read_binary_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Return the codes of the converter as numbers without a sign."""
        return _array(task, request, call, lambda block: codes_of(task, block) & 0xFFFFFFFF)


class DigitalReads:
    """Serve the reads of digital lines."""

    def read_digital_lines(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a byte for each line."""
        fill_mode, room = field_value(request, "fill_mode"), request.array_size_in_bytes
        width = max(widest(task.channels), 1)
        found = read_for(task, request, call, DIGITAL, room=room, width=width)
        values = flat_lines(task.channels, found.samples, fill_mode)
        return {
            "read_array": padded(values, _within(room)).tobytes(),
            "samps_per_chan_read": found.count,
            "num_bytes_per_samp": width,
            "status": found.status,
        }

    def read_digital_scalar_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Return one sample of the only channel."""
        found = read_for(task, request, call, DIGITAL, room=1)
        return {"value": int(pack_lines(task.channels, found.samples)[0, 0])}

    def read_digital_u8(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a byte for each channel."""
        _check_lines(task, 8, ERRORS.CHAN_SIZE_TOO_BIG_FOR_U_8_PORT_READ)
        return _array(
            task,
            request,
            call,
            lambda block: pack_lines(task.channels, block),
            lambda values: values.astype(np.uint8).tobytes(),
            DIGITAL,
        )

    def read_digital_u16(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a number of up to 16 lines for each channel."""
        _check_lines(task, 16, ERRORS.CHAN_SIZE_TOO_BIG_FOR_U_16_PORT_READ)
        return self.read_digital_u32(task, request, call)

    def read_digital_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Return a number of up to 32 lines for each channel."""
        return _array(
            task, request, call, lambda block: pack_lines(task.channels, block), kinds=DIGITAL
        )


class RawReads:
    """Serve the reads of raw samples, as the device has them."""

    def read_raw(self, task: Task, request: Any, call: Call) -> Fields:
        """Return 16-bit codes of analog inputs, or the bytes of the lines of digital ones."""
        room, width = request.array_size_in_bytes, raw_width(task)
        found = read_for(task, request, call, (*ANALOG, *DIGITAL), room=room, width=width)
        if task.kind in DIGITAL:
            numbers = pack_lines(task.channels, found.samples).T.astype("<u4")
            content = numbers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
        else:
            content = codes_of(task, found.samples).T.astype("<i2").tobytes()
        return {
            "read_array": content.ljust(_within(room), b"\0"),
            "samps_read": found.count,
            "num_bytes_per_samp": width,
            "status": found.status,
        }


def raw_width(task: Task) -> int:
    """Return the bytes of a raw sample of a channel."""
    if task.kind in DIGITAL:
        return max(1, (widest(task.channels) + 7) // 8)
    return 2


def _array(
    task: Task,
    request: Any,
    call: Call,
    values_of: Callable[[Any], npt.NDArray[Any]],
    encode: Callable[[npt.NDArray[Any]], Any] = lambda values: values.tolist(),
    kinds: tuple[str, ...] = ANALOG,
) -> Fields:
    """Return an array of samples, filled up with zeros to the size that the client wants."""
    fill_mode, room = field_value(request, "fill_mode"), request.array_size_in_samps
    found = read_for(task, request, call, kinds, room=room)
    values = padded(flat(values_of(found.samples), fill_mode), _within(room))
    return {
        "read_array": encode(values),
        "samps_per_chan_read": found.count,
        "status": found.status,
    }


def _within(room: int) -> int:
    """Return the size of an array that the answer may have."""
    return min(room, MOST_SAMPLES)


def _check_lines(task: Task, most: int, error: ErrorCode) -> None:
    if widest(task.channels) > most:
        raise DriverError(error, f"Task: {task.name}")
