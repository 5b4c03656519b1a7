"""The calls that write samples: decode the client's type, write, encode."""

from __future__ import annotations

from typing import Any

import numpy as np

from device_sim.base.wire import Fields, field_value
from device_sim.call import Call
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.layout import unflat, unflat_lines, unpack_lines, widest
from device_sim.drivers.nidaqmx.read_calls import raw_width
from device_sim.drivers.nidaqmx.run import Block
from device_sim.drivers.nidaqmx.scaling import values_of
from device_sim.drivers.nidaqmx.task import Task
from device_sim.drivers.nidaqmx.writing import write
from device_sim.errors import DriverError, ErrorCode

WRITTEN = "ni-samps-per-chan-written"


def write_for(task: Task, block: Block, request: Any, call: Call) -> Fields:
    """Write a client's samples. The call's trailing metadata has the number that was written.

    Raises:
        DriverError: They cannot be written.
    """
    try:
        written = write(
            task, block, auto_start=request.auto_start, timeout=request.timeout, call=call
        )
    except DriverError:
        call.trail(WRITTEN, "0")
        raise
    call.trail(WRITTEN, str(written))
    return {"samps_per_chan_written": written}


def require(task: Task, *kinds: str) -> None:
    """Raise DriverError if the channels of a task are of other kinds."""
    if not task.is_output:
        raise DriverError(ERRORS.WRITE_NO_OUTPUT_CHANS_IN_TASK, f"Task: {task.name}")
    if task.kind not in kinds:
        raise DriverError(ERRORS.WRITE_CHAN_TYPE_MISMATCH, f"Task: {task.name}")


class AnalogWrites:
    """Serve the writes to analog outputs."""

    def write_analog_f64(self, task: Task, request: Any, call: Call) -> Fields:
        """Write samples in the units of the channels."""
        require(task, "AO")
        return write_for(task, in_hardware(task, _block(task, request)), request, call)

    def write_analog_scalar_f64(self, task: Task, request: Any, call: Call) -> None:
        """Write one sample to the only channel."""
        require(task, "AO")
        _require_one(task)
        write_for(task, in_hardware(task, np.array([[request.value]])), request, call)

    def write_binary_i16(self, task: Task, request: Any, call: Call) -> Fields:
        """Write codes of the converter."""
        require(task, "AO")
        return write_for(task, values_of(task, _block(task, request)), request, call)

    write_binary_i32 = write_binary_i16

    def write_binary_u16(self, task: Task, request: Any, call: Call) -> Fields:
        """Write codes of the converter as numbers without a sign."""
        require(task, "AO")
        codes = _block(task, request).astype(np.uint16).astype(np.int16)
        return write_for(task, values_of(task, codes), request, call)

    def write_binary_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Write codes of the converter as numbers without a sign."""
        require(task, "AO")
        codes = _block(task, request).astype(np.uint32).astype(np.int32)
        return write_for(task, values_of(task, codes), request, call)


class DigitalWrites:
    """Serve the writes to digital lines."""

    def write_digital_lines(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a byte for each line."""
        require(task, "DO")
        layout, count = field_value(request, "data_layout"), request.num_samps_per_chan
        values = np.frombuffer(request.write_array, np.uint8)
        return write_for(task, unflat_lines(task.channels, values, count, layout), request, call)

    def write_digital_scalar_u32(self, task: Task, request: Any, call: Call) -> None:
        """Write one sample to the only channel."""
        require(task, "DO")
        _require_one(task)
        numbers = np.array([[request.value]], np.uint32)
        write_for(task, unpack_lines(task.channels, numbers), request, call)

    def write_digital_u8(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a byte to each channel."""
        require(task, "DO")
        _check_lines(task, 8, ERRORS.CHAN_SIZE_TOO_BIG_FOR_U_8_PORT_WRITE)
        values = np.frombuffer(request.write_array, np.uint8).astype(np.uint32)
        layout, count = field_value(request, "data_layout"), request.num_samps_per_chan
        numbers = unflat(values, len(task.channels), count, layout)
        return write_for(task, unpack_lines(task.channels, numbers), request, call)

    def write_digital_u16(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a number of up to 16 lines to each channel."""
        require(task, "DO")
        _check_lines(task, 16, ERRORS.CHAN_SIZE_TOO_BIG_FOR_U_16_PORT_WRITE)
        return self.write_digital_u32(task, request, call)

    def write_digital_u32(self, task: Task, request: Any, call: Call) -> Fields:
        """Write a number of up to 32 lines to each channel."""
        require(task, "DO")
        numbers = _block(task, request).astype(np.uint32)
        return write_for(task, unpack_lines(task.channels, numbers), request, call)


class RawWrites:
    """Serve the writes of raw samples, as the device has them."""

    def write_raw(self, task: Task, request: Any, call: Call) -> Fields:
        """Write 16-bit codes to analog outputs, or the bytes of the lines of digital ones."""
        require(task, "AO", "DO")
        rows, width = len(task.channels), raw_width(task)
        count = min(request.num_samps, len(request.write_array) // (rows * width))
        content = request.write_array[: max(count, 0) * rows * width]
        parts = np.frombuffer(content, np.uint8).reshape(-1, rows, width)
        if task.kind == "AO":
            codes = np.ascontiguousarray(parts).view("<i2")[:, :, 0].T
            return write_for(task, values_of(task, codes), request, call)
        wide = np.zeros((*parts.shape[:2], 4), np.uint8)
        wide[:, :, :width] = parts
        numbers = wide.view("<u4")[:, :, 0].T
        return write_for(task, unpack_lines(task.channels, numbers), request, call)


def _block(task: Task, request: Any) -> Block:
    layout, count = field_value(request, "data_layout"), request.num_samps_per_chan
    return unflat(np.array(request.write_array), len(task.channels), count, layout)


def in_hardware(task: Task, block: Block) -> Block:
    """Return samples as the hardware has them.

    Raises:
        DriverError: One is outside the range of its output, or is not a number.
    """
    rows = zip(task.channels, block, strict=True)
    block = np.array([channel.in_hardware(row) for channel, row in rows]).reshape(block.shape)
    for channel, row in zip(task.channels, block, strict=True):
        low, high = channel.attributes["AO_DAC_RNG_LOW"], channel.attributes["AO_DAC_RNG_HIGH"]
        wrong = ~((row >= low) & (row <= high))
        if wrong.any():
            raise DriverError(
                ERRORS.SAMPLE_VALUE_OUT_OF_RANGE,
                f"Channel: {channel.name}\nRequested Value: {row[wrong][0]}\n"
                f"Minimum Value: {low}\nMaximum Value: {high}",
            )
    return block


def _require_one(task: Task) -> None:
    if len(task.channels) != 1:
        raise DriverError(
            ERRORS.WRITE_NUM_CHANS_MISMATCH, f"Channels: {len(task.channels)}\nTask: {task.name}"
        )


def _check_lines(task: Task, most: int, error: ErrorCode) -> None:
    if widest(task.channels) > most:
        raise DriverError(error, f"Task: {task.name}")
