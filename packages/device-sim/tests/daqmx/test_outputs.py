"""Outputs without a bench: levels on demand, generations, and what they refuse."""

from __future__ import annotations

import nidaqmx
import numpy as np
import pytest
from daqmx_refusals import refused
from nidaqmx.constants import AcquisitionType, LineGrouping, RegenerationMode
from nidaqmx.error_codes import DAQmxErrors
from nidaqmx.stream_writers import AnalogUnscaledWriter

FINITE, CONTINUOUS = AcquisitionType.FINITE, AcquisitionType.CONTINUOUS


@pytest.fixture
def ao_task(task: nidaqmx.Task) -> nidaqmx.Task:
    task.ao_channels.add_ao_voltage_chan("Dev1/ao0:1")
    return task


def clocked(task: nidaqmx.Task, count: int = 100, mode=FINITE, rate: float = 1000.0) -> None:
    task.timing.cfg_samp_clk_timing(rate, sample_mode=mode, samps_per_chan=count)


def test_a_level_on_demand_needs_a_task_that_runs_or_a_write_that_starts_it(ao_task):
    assert ao_task.write([1.0, 2.0], auto_start=True) == 1
    refused(
        DAQmxErrors.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING,
        lambda: ao_task.write([1.0, 2.0], auto_start=False),
    )
    ao_task.start()
    assert ao_task.write([3.0, 4.0], auto_start=False) == 1


@pytest.mark.parametrize("value", [10.5, -11.0, float("nan"), float("inf")])
def test_a_level_outside_the_range_is_refused(ao_task, value):
    refused(DAQmxErrors.SAMPLE_VALUE_OUT_OF_RANGE, lambda: ao_task.write([0.0, value]))


def test_a_finite_generation_is_done_after_its_last_sample(ao_task, clock):
    clocked(ao_task, 100)
    assert ao_task.write(np.zeros((2, 100)).tolist(), auto_start=False) == 100
    ao_task.start()
    clock.advance(0.0505)
    assert not ao_task.is_task_done()
    assert ao_task.out_stream.total_samp_per_chan_generated == 51
    ao_task.wait_until_done()
    assert clock.now() == pytest.approx(0.1, abs=1e-3)
    assert ao_task.is_task_done()
    ao_task.stop()


@pytest.mark.parametrize("size", [0, 2**32 - 1])
def test_a_buffer_without_space_or_larger_than_all_memory_is_refused(ao_task, size):
    clocked(ao_task, 100)
    ao_task.out_stream.output_buf_size = size
    refused(
        DAQmxErrors.INVALID_ATTRIBUTE_VALUE,
        lambda: ao_task.write(np.zeros((2, 100)).tolist(), auto_start=False),
    )


@pytest.mark.parametrize("rate", [0.0, 1e-300, -1000.0])
def test_a_property_that_follows_from_impossible_ones_is_an_error(ao_task, rate):
    clocked(ao_task)
    ao_task.timing.samp_clk_rate = rate
    refused(DAQmxErrors.INVALID_ATTRIBUTE_VALUE, lambda: ao_task.timing.samp_clk_timebase_div)


def test_a_wait_that_is_too_short_is_an_error(ao_task):
    clocked(ao_task, 1000)
    ao_task.write(np.zeros((2, 1000)).tolist(), auto_start=True)
    refused(
        DAQmxErrors.WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE, lambda: ao_task.wait_until_done(0.5)
    )
    ao_task.wait_until_done(1.0)


def test_a_continuous_generation_repeats_its_samples_until_the_stop(ao_task, clock):
    clocked(ao_task, 100, CONTINUOUS)
    ao_task.write(np.ones((2, 100)).tolist(), auto_start=True)
    clock.advance(60.0)
    assert not ao_task.is_task_done()
    assert ao_task.out_stream.total_samp_per_chan_generated == 60_001
    ao_task.stop()
    assert ao_task.is_task_done()


def test_without_regeneration_late_samples_are_an_error(ao_task, clock):
    clocked(ao_task, 100, CONTINUOUS)
    ao_task.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
    ao_task.write(np.ones((2, 100)).tolist(), auto_start=True)
    clock.advance(0.0505)
    ao_task.write(np.ones((2, 50)).tolist())
    clock.advance(0.2)
    refused(DAQmxErrors.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES, ao_task.is_task_done)
    refused(DAQmxErrors.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES, ao_task.stop)


def test_without_regeneration_a_write_waits_for_space(ao_task, clock):
    clocked(ao_task, 100, CONTINUOUS)
    ao_task.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
    ao_task.write(np.ones((2, 100)).tolist(), auto_start=True)
    begin = clock.now()
    assert ao_task.write(np.ones((2, 80)).tolist()) == 80
    assert clock.now() - begin == pytest.approx(0.08, abs=2e-3)
    refused(
        DAQmxErrors.SAMPLES_CAN_NOT_YET_BE_WRITTEN,
        lambda: ao_task.write(np.ones((2, 80)).tolist(), timeout=0.01),
    )


def test_a_generation_needs_samples(ao_task):
    clocked(ao_task)
    refused(DAQmxErrors.AO_CALL_WRITE_BEFORE_START_FOR_SAMP_CLK_TIMING_TYPE, ao_task.start)
    ao_task.write(np.zeros((2, 100)).tolist())
    ao_task.start()


def test_codes_are_written_in_steps_of_the_range(ao_task):
    writer = AnalogUnscaledWriter(ao_task.out_stream, auto_start=True)
    assert writer.write_int16(np.array([[16384], [-16384]], np.int16)) == 1
    ao_task.out_stream.auto_start = True
    assert ao_task.out_stream.write(np.array([1, 2], np.int16)) == 1


def test_lines_are_read_back(task):
    task.do_channels.add_do_chan("Dev1/port0/line0:3", line_grouping=LineGrouping.CHAN_PER_LINE)
    assert task.read() == [False] * 4
    assert task.write([True, False, True, True]) == 1
    assert task.read() == [True, False, True, True]


def test_a_port_is_a_number(open_task):
    ports, lines = open_task(), open_task()
    ports.do_channels.add_do_chan("Dev1/port1", line_grouping=LineGrouping.CHAN_FOR_ALL_LINES)
    ports.write(0b1010_0101)
    assert ports.read() == 0b1010_0101
    lines.do_channels.add_do_chan("Dev1/port1/line5", line_grouping=LineGrouping.CHAN_PER_LINE)
    assert lines.read() is True


def test_a_generation_on_lines_is_done_after_its_last_sample(task):
    task.do_channels.add_do_chan(
        "Dev1/port0/line0:7", line_grouping=LineGrouping.CHAN_FOR_ALL_LINES
    )
    clocked(task, 4)
    assert task.write([1, 2, 4, 8], auto_start=True) == 4
    task.wait_until_done()
    task.stop()
    assert task.read() == 8


def test_input_lines_count_in_each_port_of_eight_lines(open_task):
    port, lines = open_task(), open_task()
    port.di_channels.add_di_chan("Dev1/port0", line_grouping=LineGrouping.CHAN_FOR_ALL_LINES)
    clocked(port, 300)
    assert port.read(300) == [(n % 256) * 0x01010101 for n in range(300)]
    lines.di_channels.add_di_chan("Dev1/port1/line0:2", line_grouping=LineGrouping.CHAN_PER_LINE)
    assert lines.read(4) == [
        [False, True, False, True],
        [False, False, True, True],
        [False, False, False, False],
    ]


def test_the_waveform_of_lines_names_them(task):
    task.di_channels.add_di_chan(
        "Dev1/port0/line0:1", line_grouping=LineGrouping.CHAN_FOR_ALL_LINES
    )
    clocked(task, 4)
    waveform = task.read_waveform()
    assert waveform.data.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert sorted(signal.name for signal in waveform.signals) == [
        "Dev1/port0/line0",
        "Dev1/port0/line1",
    ]


def test_samples_for_other_channels_are_refused(ao_task, open_task):
    lines = open_task()
    lines.do_channels.add_do_chan("Dev1/port0/line0:8")
    refused(
        DAQmxErrors.CHAN_SIZE_TOO_BIG_FOR_U_8_PORT_WRITE,
        lambda: lines._interpreter.write_digital_u8(
            lines._handle, 1, True, 1.0, 0, np.zeros(1, np.uint8)
        ),
    )
    refused(
        DAQmxErrors.WRITE_CHAN_TYPE_MISMATCH,
        lambda: lines._interpreter.write_analog_f64(lines._handle, 1, True, 1.0, 0, np.zeros(1)),
    )
    refused(
        DAQmxErrors.READ_NO_INPUT_CHANS_IN_TASK,
        lambda: ao_task._interpreter.read_raw(ao_task._handle, 1, 1.0, np.zeros(4, np.int16)),
    )
