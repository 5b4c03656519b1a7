"""Tasks of a multifunction device on nets: what outputs drive, and what inputs see of it."""

from __future__ import annotations

import math
import time

import nidaqmx
import nidmm
import nifgen
import numpy as np
import pytest
from exact_bench import EXACT
from nidaqmx.constants import (
    AcquisitionType,
    CurrentShuntResistorLocation,
    LineGrouping,
    RegenerationMode,
    TemperatureUnits,
    TerminalConfiguration,
)

OHMS, FARADS = 1e3, 1e-6
TAU = OHMS * FARADS

# An output behind a resistor, with a capacitor; two dividers; lines that are connected.
WIRED = f"""
[instruments.Dev1]
model = "6363"

[[connect]]
channel = "Dev1/ao0"
hi = "drive"

[[connect]]
channel = "Dev1/ai0"
hi = "drive"

[[connect]]
channel = "Dev1/ai1"
hi = "filtered"

[[part]]
name = "R1"
kind = "resistor"
a = "drive"
b = "filtered"
value = {OHMS}

[[part]]
name = "C1"
kind = "capacitor"
a = "filtered"
b = "GND"
esr = 1e-9
value = {FARADS}

[[connect]]
channel = "Dev1/ai2"
hi = "drive"

[[connect]]
channel = "Dev1/ai10"
hi = "filtered"

[[connect]]
channel = "Dev1/port0/line0"
hi = "line"

[[connect]]
channel = "Dev1/port0/line8"
hi = "line"

[[connect]]
channel = "Dev1/port1/line0"
hi = "drive"

[[connect]]
channel = "DMM1"
hi = "drive"

[[connect]]
channel = "FGEN1/0"
hi = "trigger"

[[connect]]
channel = "Dev1/PFI0"
hi = "trigger"

[[connect]]
channel = "Dev1/PFI8"
hi = "trigger"
"""


@pytest.fixture
def bench(bench_file, request):
    return bench_file(getattr(request, "param", f"{EXACT}{WIRED}"))


@pytest.fixture
def write(open_task, clock):
    """Return a function that puts a constant voltage out, which stays after its task."""

    def put_out(volts: float) -> None:
        task = open_task()
        task.ao_channels.add_ao_voltage_chan("Dev1/ao0")
        task.write(volts)
        task.close()
        clock.advance(1e-3)  # In which capacitors charge.

    return put_out


def test_an_input_reads_what_an_output_holds_after_its_task(open_task, open_dmm, write):
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
    assert task.read() == pytest.approx([0.0, 0.0], abs=1e-3)
    write(2.5)
    meter = open_dmm("DMM1")
    meter.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    assert meter.read() == pytest.approx(2.5, rel=1e-4)
    assert task.read() == pytest.approx([2.5, 2.5], abs=1e-3)


@pytest.mark.parametrize("bench", [WIRED], indirect=True)
def test_a_reading_is_as_accurate_as_the_device(open_task, write):
    write(7.5)
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0", min_val=-10.0, max_val=10.0)
    task.timing.cfg_samp_clk_timing(100e3, samps_per_chan=10_000)
    samples = np.array(task.read(10_000))
    assert abs(samples.mean() - 7.5) <= 71e-6 * 7.5 + 940e-6 + 5.0 * 315e-6 / 100.0
    assert samples.std() == pytest.approx(315e-6, rel=0.1)
    codes = np.rint(samples / (20.0 / 65536.0))
    assert samples == pytest.approx(codes * 20.0 / 65536.0, abs=1e-9)


def test_a_step_through_a_low_pass_is_an_exponential(open_task):
    """The response of an RC to a step, from the output's update on."""
    read = open_task()
    read.ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
    read.timing.cfg_samp_clk_timing(100e3, samps_per_chan=200)
    read.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/ao/StartTrigger")
    read.start()
    out = open_task()
    out.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    out.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=10)
    out.write([4.0] * 10, auto_start=True)
    drive, filtered = np.array(read.read(200))
    times = np.arange(200) / 100e3
    assert drive[1:] == pytest.approx(np.full(199, 4.0), abs=1e-3)
    assert filtered == pytest.approx(4.0 * (1.0 - np.exp(-times / TAU)), abs=0.01 * 4.0)
    # Closer: the 100 pF of two inputs are in parallel.
    exact = 4.0 * (1.0 - np.exp(-times / (OHMS * (FARADS + 200e-12))))
    assert filtered[1:] == pytest.approx(exact[1:], abs=2e-3)


@pytest.mark.parametrize("frequency", [20.0, 1.0 / (2.0 * math.pi * TAU), 1000.0])
def test_a_sine_through_a_low_pass_has_the_gain_of_the_closed_form(open_task, frequency):
    samples = 3.0 * np.sin(2.0 * math.pi * np.arange(1000) / 1000.0)
    out = open_task()
    out.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    out.timing.cfg_samp_clk_timing(
        1000.0 * frequency, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000
    )
    out.write(samples, auto_start=True)
    read = open_task()
    read.ai_channels.add_ai_voltage_chan("Dev1/ai1")
    read.timing.cfg_samp_clk_timing(50.0 * frequency, samps_per_chan=1000)
    measured = np.array(read.read(1000))[500:]
    amplitude = math.sqrt(2.0) * measured.std()
    ratio = 2.0 * math.pi * frequency * TAU
    assert amplitude == pytest.approx(3.0 / math.hypot(1.0, ratio), rel=0.01)


def test_a_differential_input_reads_the_voltage_between_its_nets(open_task, write):
    write(3.0)
    task = open_task()
    task.ai_channels.add_ai_voltage_chan(
        "Dev1/ai2", "single", terminal_config=TerminalConfiguration.RSE
    )
    task.ai_channels.add_ai_voltage_chan(
        "Dev1/ai2", "pair", terminal_config=TerminalConfiguration.DIFF
    )
    single, pair = task.read()
    assert single == pytest.approx(3.0, abs=1e-3)
    assert pair == pytest.approx(3.0 * math.exp(-1.0), abs=2e-3)  # After one time constant.


def test_a_value_beyond_the_range_reads_its_end(open_task, write):
    write(9.0)
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0", min_val=-2.0, max_val=2.0)
    assert task.read() == pytest.approx(2.0, abs=1e-3)


def test_a_current_is_the_voltage_over_its_shunt(open_task, write):
    write(5.0)
    task = open_task()
    task.ai_channels.add_ai_current_chan(
        "Dev1/ai0",
        min_val=-0.02,
        max_val=0.02,
        shunt_resistor_loc=CurrentShuntResistorLocation.EXTERNAL,
        ext_shunt_resistor_val=500.0,
    )
    assert task.read() == pytest.approx(0.01, abs=1e-5)


def test_a_sensor_on_a_net_is_refused_by_name(open_task):
    task = open_task()
    task.ai_channels.add_ai_thrmcpl_chan("Dev1/ai0", units=TemperatureUnits.DEG_C)
    with pytest.raises(nidaqmx.DaqError, match="TEMPERATURE_THERMOCOUPLE"):
        task.read()


def test_inputs_that_are_not_wired_keep_the_simulated_values(open_task):
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.ai_channels.add_ai_voltage_chan("Dev1/ai20")
    task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=100)
    wired, simulated = np.array(task.read(100))
    assert np.ptp(wired) < 1e-3
    assert np.ptp(simulated) > 9.0


def test_samples_are_put_out_once_without_regeneration(open_task):
    out = open_task()
    out.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    out.timing.cfg_samp_clk_timing(1000.0, sample_mode=AcquisitionType.CONTINUOUS)
    out.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
    out.out_stream.output_buf_size = 400
    read = open_task()
    read.ai_channels.add_ai_voltage_chan("Dev1/ai0", min_val=-10.0, max_val=10.0)
    read.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=600)
    read.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/ao/StartTrigger")
    read.start()
    ramp = np.arange(800) / 100.0
    out.write(ramp[:400])
    out.start()
    out.write(ramp[400:600])  # It waits for space.
    out.write(ramp[600:])
    measured = np.array(read.read(600))
    # The input samples just when the output changes: its capacitance still has the last value.
    assert measured[1:] == pytest.approx(ramp[:599], abs=1e-3)


def test_lines_drive_and_read_nets(open_task, write):
    out, into = open_task(), open_task()
    out.do_channels.add_do_chan("Dev1/port0/line0")
    into.di_channels.add_di_chan(
        "Dev1/port0/line8, Dev1/port1/line0", line_grouping=LineGrouping.CHAN_PER_LINE
    )
    write(3.0)
    for state in (True, False, True):
        out.write(state)
        assert into.read() == [state, True]
    write(0.5)
    assert into.read() == [True, False]


def test_a_pattern_on_a_line_is_sampled_from_its_net(open_task):
    into = open_task()
    into.di_channels.add_di_chan("Dev1/port0/line8")
    into.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=40)
    into.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/do/StartTrigger")
    into.start()
    out = open_task()
    out.do_channels.add_do_chan("Dev1/port0/line0")
    out.timing.cfg_samp_clk_timing(500.0, samps_per_chan=20)
    pattern = [bool(n % 3) for n in range(20)]
    out.write(pattern, auto_start=True)
    assert into.read(40) == [state for state in pattern for _ in range(2)]


def test_a_counter_counts_the_edges_of_a_generator_s_square(open_task, open_fgen, clock):
    counter = open_task()
    counter.ci_channels.add_ci_count_edges_chan("Dev1/ctr0")
    counter.start()
    clock.advance(1e-3)
    assert counter.read() == 0
    generator = open_fgen("FGEN1", options={})
    generator.output_mode = nifgen.OutputMode.FUNC
    generator.load_impedance = 1e9
    generator.configure_standard_waveform(nifgen.Waveform.SQUARE, 5.0, 123_456.0, 2.5)
    with generator.initiate():
        clock.advance(10.0 + 1e-6)
        assert counter.read() == 1_234_561
        frequency = open_task()
        frequency.ci_channels.add_ci_freq_chan("Dev1/ctr2").ci_freq_term = "/Dev1/PFI8"
        # A period of 810 ticks: the reading has steps of 150 Hz.
        assert frequency.read() == pytest.approx(123_456.0, abs=160.0)
    count = counter.read()
    clock.advance(1.0)
    assert counter.read() - count <= 1


def test_another_instrument_triggers_a_task_through_a_net(open_task, open_fgen, clock, write):
    write(1.0)
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.timing.cfg_samp_clk_timing(10e3, samps_per_chan=100)
    task.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/PFI0")
    task.start()
    clock.advance(0.5)
    assert task.in_stream.avail_samp_per_chan == 0
    generator = open_fgen("FGEN1", options={})
    generator.output_mode = nifgen.OutputMode.FUNC
    generator.load_impedance = 1e9
    generator.configure_standard_waveform(nifgen.Waveform.DC, 0.0, 1000.0, 5.0)
    with generator.initiate():
        assert task.read(100) == pytest.approx([1.0] * 100, abs=1e-3)


def test_a_broken_wire_reads_zero(open_task, server, write):
    write(3.0)
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    assert task.read() == pytest.approx(3.0, abs=1e-3)
    server.bench.disconnect("Dev1/ai0")
    assert task.read() == pytest.approx(0.0, abs=1e-3)


def test_fast_tasks_that_run_together_take_their_samples_together(open_task):
    out = open_task()
    out.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    out.timing.cfg_samp_clk_timing(1e6, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000)
    out.write(np.sin(2.0 * math.pi * np.arange(1000) / 1000.0), auto_start=True)
    read = open_task()
    read.ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
    read.timing.cfg_samp_clk_timing(500e3, samps_per_chan=100_000)
    began = time.process_time()
    drive, _ = np.array(read.read(100_000))
    assert time.process_time() - began < 10.0  # A Python call for each sample takes 35 s.
    assert abs(drive).max() == pytest.approx(1.0, abs=1e-3)
    assert math.sqrt(2.0) * drive.std() == pytest.approx(1.0, abs=1e-3)
