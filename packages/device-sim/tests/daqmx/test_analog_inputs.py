"""Analog inputs without a bench: NI's documented values, sample clocks, buffers, and errors."""

from __future__ import annotations

import nidaqmx
import numpy as np
import pytest
from daqmx_refusals import refused
from nidaqmx.constants import (
    READ_ALL_AVAILABLE,
    AcquisitionType,
    OverwriteMode,
    ReadRelativeTo,
    TerminalConfiguration,
    UsageTypeAI,
)
from nidaqmx.error_codes import DAQmxErrors
from nidaqmx.stream_readers import AnalogMultiChannelReader, AnalogUnscaledReader

FINITE, CONTINUOUS = AcquisitionType.FINITE, AcquisitionType.CONTINUOUS


@pytest.fixture
def ai_task(task: nidaqmx.Task) -> nidaqmx.Task:
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0:1", min_val=-5.0, max_val=5.0)
    return task


def clocked(task: nidaqmx.Task, count: int = 100, mode=FINITE, rate: float = 1000.0) -> None:
    task.timing.cfg_samp_clk_timing(rate, sample_mode=mode, samps_per_chan=count)


def test_inputs_have_a_sine_over_their_limits_each_5_degrees_after_the_one_before(ai_task):
    clocked(ai_task, 1000)
    first, second = np.array(ai_task.read(READ_ALL_AVAILABLE))
    spectra = [np.fft.rfft(values)[10] for values in (first, second)]  # 10 periods
    amplitudes = [2.0 * abs(each) / 1000 for each in spectra]
    assert amplitudes == pytest.approx([5.0, 5.0], rel=0.02)
    shift = np.degrees(np.angle(spectra[1]) - np.angle(spectra[0]))
    assert shift == pytest.approx(5.0, abs=0.5)
    ideal = 5.0 * np.sin(2.0 * np.pi * np.arange(1000) / 100)
    assert np.abs(first - ideal).max() <= 0.03 * 5.0 * 1.001
    assert np.abs(np.array([first, second])).max() <= 5.0


def test_limits_that_are_close_together_give_a_known_value(task):
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0", min_val=2.0, max_val=2.001)
    assert task.read() == pytest.approx(2.0, abs=0.001)
    assert task.read(10) == pytest.approx([2.0] * 10, abs=0.001)


def test_samples_on_demand_go_on_where_the_last_read_ended(open_task):
    whole, parts = open_task(), open_task()
    for task in (whole, parts):
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    assert whole.read(10) == parts.read(4) + parts.read(6)


def test_a_finite_task_takes_its_time(ai_task, clock):
    clocked(ai_task, 500)
    begin = clock.now()
    first, second = ai_task.read(READ_ALL_AVAILABLE)
    assert (len(first), len(second)) == (500, 500)
    assert clock.now() - begin == pytest.approx(0.499)


def test_a_finite_task_gives_no_more_samples_than_it_takes(ai_task):
    clocked(ai_task, 50)
    ai_task.start()
    assert len(ai_task.read(100)[0]) == 50
    refused(DAQmxErrors.SAMPLES_WILL_NEVER_BE_AVAILABLE, lambda: ai_task.read(1))


def test_a_read_that_starts_a_finite_task_stops_it_after_the_last_sample(ai_task):
    clocked(ai_task, 50)
    assert ai_task.read(50) == ai_task.read(50)


def test_a_read_that_waits_too_long_gives_the_samples_that_are_there(ai_task):
    clocked(ai_task, 1000)
    ai_task.start()
    reader = AnalogMultiChannelReader(ai_task.in_stream)
    found = np.full((2, 500), np.nan)
    error = refused(
        DAQmxErrors.SAMPLES_NOT_YET_AVAILABLE,
        lambda: reader.read_many_sample(found, 500, timeout=0.1),
    )
    assert error.samps_per_chan_read == 101
    values = found.ravel()
    assert not np.isnan(values).any()
    assert values[202:].tolist() == [0.0] * 798
    assert len(ai_task.read(899)[0]) == 899  # the others come later


def test_a_timeout_of_0_reads_what_is_there(ai_task, clock):
    clocked(ai_task, 1000)
    ai_task.start()
    clock.advance(0.1)
    assert len(ai_task.read(100, timeout=0.0)[0]) == 100


@pytest.mark.parametrize("timeout", [-2.0, float("nan")])
def test_an_invalid_timeout_is_refused(ai_task, timeout):
    refused(DAQmxErrors.INVALID_TIMEOUT_VAL, lambda: ai_task.read(1, timeout=timeout))


def test_a_continuous_task_gives_each_sample_once_and_in_order(open_task):
    whole, parts = open_task(), open_task()
    for task in (whole, parts):
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
        clocked(task, 1000, CONTINUOUS)
        task.start()
        task.stop()
    whole.start()
    expected = whole.read(700)
    whole.stop()
    parts.start()
    found = [parts.read(count) for count in (1, 99, 100, 500)]
    assert np.concatenate([np.array(part) for part in found], axis=1).tolist() == expected


def test_all_samples_of_a_continuous_task_are_those_that_are_there(ai_task, clock):
    clocked(ai_task, 1000, CONTINUOUS)
    ai_task.start()
    clock.advance(0.0995)
    assert ai_task.in_stream.avail_samp_per_chan == 100
    assert len(ai_task.read(READ_ALL_AVAILABLE)[0]) == 100
    assert ai_task.in_stream.avail_samp_per_chan == 0
    assert ai_task.in_stream.curr_read_pos == 100
    assert ai_task.in_stream.total_samp_per_chan_acquired == 100


def test_unread_samples_that_are_overwritten_are_an_error(ai_task, clock):
    clocked(ai_task, 1000, CONTINUOUS)
    ai_task.in_stream.input_buf_size = 1000
    ai_task.start()
    clock.advance(0.9)
    ai_task.read(100)
    clock.advance(2.0)
    refused(DAQmxErrors.SAMPLES_NO_LONGER_AVAILABLE, lambda: ai_task.read(10))
    refused(DAQmxErrors.SAMPLES_NO_LONGER_AVAILABLE, ai_task.stop)
    ai_task.start()  # which begins anew
    assert len(ai_task.read(10)[0]) == 10


def test_the_newest_samples_are_read_where_old_ones_may_be_overwritten(open_task, clock):
    kept, latest = open_task(), open_task()
    for task in (kept, latest):
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
        clocked(task, 1000, CONTINUOUS)
    kept.in_stream.input_buf_size = 100_000
    kept.start()
    expected = kept.read(5000)[-100:]
    kept.stop()
    latest.in_stream.input_buf_size = 1000
    latest.in_stream.overwrite = OverwriteMode.OVERWRITE_UNREAD_SAMPLES
    latest.in_stream.relative_to = ReadRelativeTo.MOST_RECENT_SAMPLE
    latest.in_stream.offset = -100
    latest.start()
    clock.advance(4.9995)
    assert latest.read(100) == expected


def test_a_task_may_not_be_started_by_a_read(ai_task):
    clocked(ai_task)
    ai_task.in_stream.read_all_avail_samp = False
    ai_task.in_stream.auto_start = False
    refused(
        DAQmxErrors.CANNOT_READ_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING_OR_COMMITTED,
        ai_task.read,
    )
    ai_task.start()
    assert len(ai_task.read(1)) == 2


def test_a_reference_trigger_keeps_the_samples_before_it(ai_task):
    clocked(ai_task, 300)
    ai_task.triggers.reference_trigger.cfg_dig_edge_ref_trig("PFI0", pretrigger_samples=100)
    ai_task.start()
    assert len(ai_task.read(READ_ALL_AVAILABLE)[0]) == 300
    ai_task.in_stream.relative_to = ReadRelativeTo.REFERENCE_TRIGGER
    ai_task.in_stream.offset = -100
    assert len(ai_task.read(300)[0]) == 300


def test_codes_are_the_values_in_steps_of_the_range(open_task):
    volts, codes = open_task(), open_task()
    for task in (volts, codes):
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0:1", min_val=-4.0, max_val=4.0)
    expected = np.array(volts.read(20)) / 5.0 * 32767
    found = np.zeros((2, 20), np.int16)
    AnalogUnscaledReader(codes.in_stream).read_int16(found, 20)
    assert (found == np.floor(expected)).all()
    raw = volts.in_stream.read(5)
    assert raw.shape == (10,)
    assert np.abs(raw).max() <= 32768 * 4 / 5


def test_waveforms_have_the_time_of_their_first_sample_and_the_names_of_channels(ai_task, clock):
    clocked(ai_task, 100)
    ai_task.start()
    first, second = ai_task.read_waveform(40)
    later, _ = ai_task.read_waveform(60)
    assert [first.sample_count, second.sample_count, later.sample_count] == [40, 40, 60]
    assert [each.channel_name for each in (first, second)] == ["Dev1/ai0", "Dev1/ai1"]
    assert first.units == "Volts"
    assert first.timing.sample_interval.total_seconds() == pytest.approx(1e-3)
    apart = later.timing.timestamp - first.timing.timestamp
    assert float(apart.total_seconds()) == pytest.approx(0.04)


def test_a_channel_reads_back_its_settings_and_the_range_that_holds_them(task):
    channel = task.ai_channels.add_ai_voltage_chan(
        "Dev1/ai3", "pressure", TerminalConfiguration.RSE, min_val=-3.0, max_val=1.0
    )
    assert channel.name == "pressure"
    assert channel.physical_channel.name == "Dev1/ai3"
    assert channel.ai_meas_type is UsageTypeAI.VOLTAGE
    assert channel.ai_term_cfg is TerminalConfiguration.RSE
    assert (channel.ai_rng_low, channel.ai_rng_high) == (-5.0, 5.0)
    channel.ai_max = 8.0
    assert channel.ai_rng_high == 10.0
    refused(DAQmxErrors.INVALID_ATTRIBUTE_VALUE, lambda: setattr(channel, "ai_max", 11.0))
    assert channel.ai_rng_high == 10.0


def test_sensors_read_in_their_own_units_between_their_limits(task):
    task.ai_channels.add_ai_thrmcpl_chan("Dev1/ai0", min_val=20.0, max_val=30.0)
    task.ai_channels.add_ai_rtd_chan("Dev1/ai1", min_val=-10.0, max_val=0.0)
    for _ in range(5):
        thermocouple, resistor = task.read()
        assert 20.0 <= thermocouple <= 30.0
        assert -10.0 <= resistor <= 0.0


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ((1.0, 1.0), DAQmxErrors.MIN_NOT_LESS_THAN_MAX),
        ((2.0, -2.0), DAQmxErrors.MIN_NOT_LESS_THAN_MAX),
        ((-20.0, 20.0), DAQmxErrors.INVALID_ATTRIBUTE_VALUE),
    ],
)
def test_limits_that_the_hardware_cannot_have_are_refused(task, limits, error):
    refused(
        error,
        lambda: task.ai_channels.add_ai_voltage_chan(
            "Dev1/ai0", "", min_val=limits[0], max_val=limits[1]
        ),
    )
    assert list(task.channel_names) == []


def test_a_rate_that_the_device_cannot_reach_is_refused(ai_task):
    clocked(ai_task, 100, rate=1.5e6)  # 1 MS/s for both channels together
    refused(DAQmxErrors.INVALID_ATTRIBUTE_VALUE, ai_task.start)
    clocked(ai_task, 100, rate=5e5)
    ai_task.start()


def test_a_device_of_any_name_is_made_for_a_channel(task, system):
    task.ai_channels.add_ai_voltage_chan("Rack7/ai0")
    assert len(task.read(3)) == 3
    assert "Rack7" in system.devices.device_names
