"""Counters with the real nidaqmx package: what they measure, and the pulses that they put out."""

from __future__ import annotations

from itertools import pairwise

import nidaqmx
import niscope
import pytest
from nidaqmx.constants import (
    AcquisitionType,
    CountDirection,
    CounterFrequencyMethod,
    Edge,
    FrequencyUnits,
    Level,
    TimeUnits,
)

INVALID_VALUE = -200077
NEVER_COMES = -200284

# A square of 10 kHz from 0 V to 5 V at the source of counter 0 and the gates of 0 and 1.
WIRED = """
[instruments.Dev1]
model = "6363"

[[connect]]
channel = "Dev1/PFI8"
hi = "clock"

[[connect]]
channel = "Dev1/PFI9"
hi = "clock"

[[connect]]
channel = "Dev1/PFI12"
hi = "out"

[[connect]]
channel = "Dev1/PFI4"
hi = "out"

[[connect]]
channel = "SCOPE1/0"
hi = "out"

[[part]]
name = "V1"
kind = "square"
a = "clock"
b = "GND"
voltage = 2.5
amplitude = 5.0
frequency = 10e3
duty = 30.0
resistance = 50.0

[[part]]
name = "R1"
kind = "resistor"
a = "out"
b = "GND"
value = 1e5
"""


@pytest.fixture
def bench(request, bench_file):
    content = getattr(request, "param", WIRED)
    return bench_file(content) if content else None


def test_a_counter_counts_the_edges_of_its_net_from_the_start_on(open_task, clock):
    task = open_task()
    counter = task.ci_channels.add_ci_count_edges_chan("Dev1/ctr0", initial_count=7)
    assert counter.ci_count_edges_term == "/Dev1/PFI8"
    task.start()
    assert task.read() == 7
    clock.advance(0.25003)
    assert task.read() == 7 + 2500
    first = task.read()
    clock.advance(100.0)
    assert task.read() == first + 1_000_000
    assert counter.ci_count == first + 1_000_000
    task.stop()


def test_a_counter_counts_down_and_wraps_around(open_task, clock):
    task = open_task()
    task.ci_channels.add_ci_count_edges_chan(
        "Dev1/ctr0", edge=Edge.FALLING, initial_count=5, count_direction=CountDirection.COUNT_DOWN
    )
    task.start()
    clock.advance(1.0)
    assert task.read() == 2**32 + 5 - 10_000


def test_counts_come_on_the_sample_clock(open_task, clock):
    clock.advance(30e-6)  # An edge comes at none of the samples.
    task = open_task()
    task.ci_channels.add_ci_count_edges_chan("Dev1/ctr0")
    task.timing.cfg_samp_clk_timing(100.0, "/Dev1/ai/SampleClock", samps_per_chan=20)
    counts = task.read(20)
    assert [b - a for a, b in pairwise(counts)] == [100] * 19


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (CounterFrequencyMethod.LOW_FREQUENCY_1_COUNTER, 10e3),
        (CounterFrequencyMethod.LARGE_RANGE_2_COUNTERS, 10e3),
        (CounterFrequencyMethod.HIGH_FREQUENCY_2_COUNTERS, 10e3),
    ],
)
def test_a_frequency_is_measured_by_each_method(open_task, method, expected):
    task = open_task()
    task.ci_channels.add_ci_freq_chan("Dev1/ctr0", meas_method=method, meas_time=0.01, divisor=4)
    assert task.read() == pytest.approx(expected, rel=1e-4)


def test_periods_widths_and_pulses_are_those_of_the_signal(open_task):
    periods = open_task()
    periods.ci_channels.add_ci_period_chan("Dev1/ctr0")
    assert periods.read() == pytest.approx(100e-6, abs=1e-8)
    periods.close()
    widths = open_task()
    widths.ci_channels.add_ci_pulse_width_chan("Dev1/ctr0", starting_edge=Edge.FALLING)
    assert widths.read() == pytest.approx(70e-6, abs=1e-8)
    widths.close()
    ticks = open_task()
    ticks.ci_channels.add_ci_pulse_chan_ticks("Dev1/ctr0")
    measured = ticks.read()
    assert (measured.high_tick, measured.low_tick) == (3000, 7000)
    ticks.close()
    frequencies = open_task()
    frequencies.ci_channels.add_ci_pulse_chan_freq("Dev1/ctr0")
    measured = frequencies.read()
    assert (measured.freq, measured.duty_cycle) == (pytest.approx(10e3), pytest.approx(0.3))


def test_measurements_of_each_period_are_buffered(open_task):
    task = open_task()
    task.ci_channels.add_ci_semi_period_chan("Dev1/ctr0")
    task.timing.cfg_implicit_timing(samps_per_chan=10)
    halves = task.read(10)
    assert sorted({round(half, 7) for half in halves}) == [30e-6, 70e-6]


def test_ticks_are_the_unit_that_a_client_chooses(open_task):
    task = open_task()
    task.ci_channels.add_ci_freq_chan("Dev1/ctr0", units=FrequencyUnits.TICKS)
    assert task.read() == 10_000
    task.close()
    task = open_task()
    task.ci_channels.add_ci_period_chan("Dev1/ctr0", units=TimeUnits.TICKS)
    assert task.read() == 10_000


def test_a_still_net_has_no_frequency(open_task):
    task = open_task()
    task.ci_channels.add_ci_freq_chan("Dev1/ctr1")
    with pytest.raises(nidaqmx.DaqError) as caught:
        task.read(timeout=0.5)
    assert caught.value.error_code == NEVER_COMES


def test_pulses_of_one_counter_are_measured_by_another(open_task):
    out = open_task()
    pulses = out.co_channels.add_co_pulse_chan_freq("Dev1/ctr0", freq=2500.0, duty_cycle=0.25)
    assert pulses.co_pulse_term == "/Dev1/PFI12"
    out.timing.cfg_implicit_timing(sample_mode=AcquisitionType.CONTINUOUS)
    out.start()
    for terminal in ("/Dev1/PFI4", "/Dev1/Ctr0InternalOutput"):  # Its net, and the device itself.
        measure = open_task()
        measured = measure.ci_channels.add_ci_pulse_chan_time("Dev1/ctr1")
        measured.ci_pulse_time_term = terminal
        pulse = measure.read()
        assert pulse.high_time == pytest.approx(100e-6, abs=1e-8)
        assert pulse.low_time == pytest.approx(300e-6, abs=1e-8)
        measure.close()
    assert not out.is_task_done()
    out.stop()


def test_as_many_pulses_are_put_out_as_wanted(open_task, clock):
    counter = open_task()
    counter.ci_channels.add_ci_count_edges_chan("Dev1/ctr1").ci_count_edges_term = "/Dev1/PFI4"
    counter.start()
    task = open_task()
    task.co_channels.add_co_pulse_chan_time(
        "Dev1/ctr0", initial_delay=0.01, low_time=1e-3, high_time=2e-3
    )
    task.timing.cfg_implicit_timing(samps_per_chan=12)
    task.start()
    task.wait_until_done(10.0)
    assert clock.now() == pytest.approx(0.01 + 12 * 3e-3, abs=1e-6)
    assert counter.read() == 12
    task.stop()
    clock.advance(1.0)
    assert counter.read() == 12


def test_without_timing_one_pulse_is_put_out(open_task):
    counter = open_task()
    counter.ci_channels.add_ci_count_edges_chan("Dev1/ctr1").ci_count_edges_term = "/Dev1/PFI4"
    counter.start()
    task = open_task()
    task.co_channels.add_co_pulse_chan_ticks("Dev1/ctr0", "/Dev1/100MHzTimebase")
    task.start()
    task.wait_until_done()
    assert counter.read() == 1


def test_a_client_changes_the_pulses_while_they_run(open_task, clock):
    out = open_task()
    out.co_channels.add_co_pulse_chan_freq("Dev1/ctr0", freq=1000.0)
    out.timing.cfg_implicit_timing(sample_mode=AcquisitionType.CONTINUOUS)
    out.start()
    clock.advance(0.0103)
    out.write(nidaqmx.types.CtrFreq(4000.0, 0.5))
    clock.advance(0.01)
    measure = open_task()
    measure.ci_channels.add_ci_freq_chan("Dev1/ctr1")
    assert measure.read() == pytest.approx(4000.0, rel=1e-4)


def test_an_idle_high_output_is_low_in_a_pulse(open_task, open_scope):
    scope = open_scope("SCOPE1")
    task = open_task()
    task.co_channels.add_co_pulse_chan_time(
        "Dev1/ctr0", idle_state=Level.HIGH, low_time=0.2, high_time=0.1, initial_delay=0.05
    )
    task.start()
    task.wait_until_done()
    scope.channels["0"].configure_vertical(10.0, niscope.VerticalCoupling.DC)
    assert scope.channels["0"].read(1)[0].samples[0] == pytest.approx(5.0, rel=0.01)


def test_an_impossible_pulse_is_refused_when_the_task_starts(open_task):
    task = open_task()
    task.co_channels.add_co_pulse_chan_freq("Dev1/ctr0", freq=60e6)
    with pytest.raises(nidaqmx.DaqError, match="High Ticks") as caught:
        task.start()
    assert caught.value.error_code == INVALID_VALUE


def test_a_counter_has_the_terminals_of_its_device(open_task):
    task = open_task()
    counter = task.ci_channels.add_ci_freq_chan("Dev1/ctr1")
    assert counter.ci_freq_term == "/Dev1/PFI4"
    counter.ci_freq_term = "PFI8"
    assert counter.ci_freq_term == "/Dev1/PFI8"
    assert counter.ci_ctr_timebase_rate == 100e6
    counter.ci_ctr_timebase_src = "20MHzTimebase"
    assert counter.ci_ctr_timebase_src == "/Dev1/20MHzTimebase"
    assert counter.ci_ctr_timebase_rate == 20e6
    assert task.read() == pytest.approx(10e3, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ci_count_edges_gate_enable", True),
        ("ci_count_edges_count_reset_enable", True),
        ("ci_ctr_timebase_src", "/Dev1/PFI3"),
        ("ci_count_edges_dir", CountDirection.EXTERNAL_SOURCE),
    ],
)
def test_what_a_counter_cannot_do_on_a_bench_is_refused_by_name(open_task, name, value):
    task = open_task()
    counter = task.ci_channels.add_ci_count_edges_chan("Dev1/ctr0")
    setattr(counter, name, value)
    with pytest.raises(nidaqmx.DaqError, match="Not simulated on a bench"):
        task.start()


@pytest.mark.parametrize("bench", [None], indirect=True)
def test_without_a_bench_counters_read_zero_and_pulses_take_their_time(open_task, clock):
    count = open_task()
    count.ci_channels.add_ci_count_edges_chan("Dev1/ctr0", initial_count=3)
    count.start()
    clock.advance(5.0)
    assert count.read() == 3
    frequency = open_task()
    frequency.ci_channels.add_ci_freq_chan("Dev1/ctr1")
    assert frequency.read() == 0.0
    frequency.timing.cfg_implicit_timing(samps_per_chan=5)
    assert frequency.read(5) == [0.0] * 5
    pulses = open_task()
    pulses.co_channels.add_co_pulse_chan_time("Dev1/ctr2", low_time=0.1, high_time=0.4)
    pulses.timing.cfg_implicit_timing(samps_per_chan=4)
    before = clock.now()
    pulses.start()
    pulses.wait_until_done(10.0)
    assert clock.now() - before == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("bench", [None], indirect=True)
def test_a_task_measures_with_one_counter_only_what_the_call_reads(open_task):
    task = open_task()
    task.ci_channels.add_ci_pulse_chan_freq("Dev1/ctr0")
    with pytest.raises(nidaqmx.DaqError) as caught:
        task._interpreter.read_counter_scalar_f64(task._handle, 1.0)
    assert caught.value.error_code == nidaqmx.error_codes.DAQmxErrors.READ_CHAN_TYPE_MISMATCH
