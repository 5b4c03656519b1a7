"""A generator is a source behind its output impedance: what a meter reads depends on the load."""

from __future__ import annotations

import math
from functools import partial

import hightime
import nidmm
import nifgen
import niscope
import numpy as np
import pytest
from device_sim.bench import Grid
from exact_bench import EXACT, wired_to
from nifgen import HardwareState, OutputMode, StartTriggerType, Trigger, Waveform

# The meter's own 10 megohms are in parallel.
LOADED = f"""{EXACT}
[instruments.FGEN1]
model = "5433 (1CH)"

[[connect]]
channel = "FGEN1/0"
hi = "out"

[[connect]]
channel = "DMM1"
hi = "out"

[[part]]
name = "Rload"
kind = "resistor"
a = "out"
b = "GND"
value = 50.0
"""

FILTER = f"""{LOADED}
[[part]]
name = "C1"
kind = "capacitor"
a = "out"
b = "GND"
esr = 1e-9
value = {1.0 / (2.0 * math.pi * 1000.0 * 25.0)}
"""

CLOSE = 1e-4  # The meter's input resistance, and its range of 5 V.


def configure(session: nifgen.Session, waveform: Waveform, amplitude: float = 2.0) -> None:
    session.output_mode = OutputMode.FUNC
    session.configure_standard_waveform(waveform, amplitude, 1000.0, 0.5, 30.0)


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param)


@pytest.fixture
def generator(open_fgen) -> nifgen.Session:
    session: nifgen.Session = open_fgen("FGEN1", options={})
    assert session.instrument_model == "NI PXIe-5433 (1CH)"
    return session


@pytest.fixture
def meter(open_dmm) -> nidmm.Session:
    session: nidmm.Session = open_dmm("DMM1")
    session.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    return session


@wired_to(LOADED)
def test_a_constant_voltage_is_at_the_load_from_initiate_on(generator, meter):
    assert meter.read() == 0.0
    configure(generator, Waveform.DC)
    assert meter.read() == 0.0
    with generator.initiate():
        assert meter.read() == pytest.approx(0.5, rel=CLOSE)
    assert meter.read() == pytest.approx(0.5, rel=CLOSE)  # The idle output holds its last value.
    generator.output_enabled = False
    assert meter.read() == pytest.approx(0.0, abs=1e-9)
    generator.output_enabled = True
    generator.reset()
    assert meter.read() == 0.0


@wired_to(LOADED)
def test_another_load_has_another_voltage(generator, meter, server):
    configure(generator, Waveform.DC)
    server.bench.set("Rload", value=1e9)
    with generator.initiate():
        assert meter.read() == pytest.approx(1.0, rel=CLOSE)
        generator.load_impedance = 1e9
        assert meter.read() == pytest.approx(0.5, rel=CLOSE)


@wired_to(LOADED)
def test_a_sine_has_its_effective_value_and_frequency(generator, meter):
    configure(generator, Waveform.SINE)
    with generator.initiate():
        meter.configure_measurement_digits(nidmm.Function.AC_VOLTS, 5.0, 6.5)
        assert meter.read() == pytest.approx(1.0 / 2.0**0.5, rel=CLOSE)
        meter.configure_measurement_digits(nidmm.Function.FREQ, 5.0, 6.5)
        assert meter.read() == pytest.approx(1000.0)
        meter.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
        assert meter.read() == pytest.approx(0.5, rel=1e-3)


@wired_to(FILTER)
def test_a_low_pass_damps_a_sine_at_its_corner_by_3_db(generator, meter):
    configure(generator, Waveform.SINE)
    with generator.initiate():
        meter.configure_measurement_digits(nidmm.Function.AC_VOLTS, 5.0, 6.5)
        assert meter.read() == pytest.approx(0.5, rel=CLOSE)  # 1 V / √2 / √2


@wired_to(LOADED)
def test_the_samples_of_a_sine_are_those_of_its_function_of_time(generator, server):
    configure(generator, Waveform.SINE)
    (session,) = (entry for _, _, entry in server._sessions)
    with generator.initiate():
        grid = Grid.over(0.0, 0.01, 101)
        expected = session.voltages(0, grid.times)
        found = server.bench.sample("FGEN1/0", grid).voltages
        assert found == pytest.approx(expected, abs=1e-6)


@wired_to(LOADED)
def test_a_start_trigger_starts_the_voltage(generator, meter, clock):
    configure(generator, Waveform.DC)
    generator.start_trigger_type = StartTriggerType.SOFTWARE_EDGE
    with generator.initiate():
        assert meter.read() == 0.0
        generator.send_software_edge_trigger(Trigger.START, "None")
        assert meter.read() == pytest.approx(0.5, rel=CLOSE)


@wired_to(LOADED)
def test_waiting_for_an_endless_generation_takes_its_time(generator):
    configure(generator, Waveform.DC)
    with generator.initiate():
        with pytest.raises(nifgen.errors.DriverError) as caught:
            generator.wait_until_done(hightime.timedelta(milliseconds=20))
        assert caught.value.code == -1074118637
        assert generator.get_hardware_state() is HardwareState.RUNNING
    generator.wait_until_done(hightime.timedelta(milliseconds=20))


FUNCTIONS = [each for each in Waveform if each is not Waveform.DC]


def samples_of_table(generator: nifgen.Session) -> None:
    generator.arb_sample_rate = 100e3
    generator.arb_gain = 1.5
    generator.arb_offset = 0.25


def put_out_function(generator: nifgen.Session, waveform: Waveform) -> None:
    if waveform is Waveform.USER:
        generator.channels[0].define_user_standard_waveform([-1.0, 0.5, 1.0, 0.25])
    configure(generator, waveform)


def put_out_table(generator: nifgen.Session) -> None:
    generator.output_mode = OutputMode.ARB
    samples_of_table(generator)
    generator.create_waveform([0.0, 0.5, -0.75, 1.0, -1.0])


def put_out_sequence(generator: nifgen.Session) -> None:
    generator.output_mode = OutputMode.SEQ
    samples_of_table(generator)
    first = generator.create_waveform([0.0, 0.5, -0.75, 1.0, -1.0])
    second = generator.create_waveform([0.125, -0.125, 0.75, 0.5])
    sequence = generator.create_arb_sequence([first, second], [3, 2])
    generator.configure_arb_sequence(sequence, 1.5, 0.25)


def put_out_script(generator: nifgen.Session) -> None:
    generator.output_mode = OutputMode.SCRIPT
    samples_of_table(generator)
    generator.write_waveform("a", [0.0, 0.5, -0.75, 1.0, -1.0])
    generator.write_waveform("b", [0.125, -0.125, 0.75, 0.5])
    generator.write_script(
        "script s repeat 20 generate a end repeat generate b subset(1, 2) repeat forever "
        "generate b generate a end repeat end script"
    )
    generator.script_to_generate = "s"


def put_out_frequencies(generator: nifgen.Session) -> None:
    generator.output_mode = OutputMode.FREQ_LIST
    handle = generator.create_freq_list(Waveform.SINE, [1e3, 3e3, 500.0], [1.2e-3, 0.7e-3, 1e-3])
    generator.configure_freq_list(handle, 2.0, 0.5, 30.0)


PUT_OUT = {
    **{each.name: partial(put_out_function, waveform=each) for each in FUNCTIONS},
    "table": put_out_table,
    "sequence": put_out_sequence,
    "script": put_out_script,
    "frequency list": put_out_frequencies,
}


@wired_to(LOADED)
@pytest.mark.parametrize("put_out", PUT_OUT.values(), ids=PUT_OUT)
def test_the_bench_has_what_the_generator_puts_out(generator, server, clock, put_out):
    put_out(generator)
    (session,) = (entry for _, _, entry in server._sessions)
    clock.advance(0.3e-3)
    with generator.initiate():
        clock.advance(5e-3)
        generator.get_hardware_state()
        grid = Grid(0.3e-3 + 1.3e-6, 2.5e-6, 1900)
        expected = session.voltages(0, grid.times)
        found = server.bench.sample("DMM1", grid).voltages
    assert np.ptp(expected) > 0.5
    assert found == pytest.approx(expected, abs=1e-5)


@wired_to(LOADED)
def test_a_multimeter_reads_the_effective_value_and_the_frequency_of_a_square(generator, meter):
    configure(generator, Waveform.SQUARE)
    with generator.initiate():
        meter.configure_measurement_digits(nidmm.Function.AC_VOLTS, 5.0, 6.5)
        assert meter.read() == pytest.approx(1.0, rel=CLOSE)
        meter.configure_measurement_digits(nidmm.Function.AC_VOLTS_DC_COUPLED, 5.0, 6.5)
        assert meter.read() == pytest.approx(math.hypot(1.0, 0.5), rel=1e-3)
        meter.configure_measurement_digits(nidmm.Function.FREQ, 5.0, 6.5)
        assert meter.read() == pytest.approx(1000.0)


@wired_to(LOADED)
def test_a_frequency_list_with_very_short_steps_is_refused(generator, meter):
    generator.output_mode = OutputMode.FREQ_LIST
    handle = generator.create_freq_list(Waveform.SINE, [1e6, 2e6], [1e-3, 1e-6])
    generator.configure_freq_list(handle, 2.0, 0.5, 30.0)
    for start in (generator.commit, generator.initiate):
        with pytest.raises(nifgen.errors.DriverError) as caught:
            start()
        assert caught.value.code == -1074135023
        assert "100 µs" in caught.value.description
    assert meter.read() == 0.0


RC_AND_SCOPE = f"""{LOADED.replace('hi = "out"', 'hi = "in"', 1)}
[[connect]]
channel = "SCOPE1/0"
hi = "in"

[[connect]]
channel = "SCOPE1/1"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "in"
b = "out"
value = 50.0

[[part]]
name = "C1"
kind = "capacitor"
a = "out"
b = "GND"
esr = 1e-9
value = 1e-7
"""


@wired_to(RC_AND_SCOPE)
def test_generator_low_pass_and_scope_agree_with_the_gain_and_phase_of_theory(
    generator, open_scope, clock
):
    scope = open_scope("SCOPE1")
    scope.channels["0,1"].configure_vertical(10.0, niscope.VerticalCoupling.DC)
    scope.trigger_type = niscope.TriggerType.IMMEDIATE
    for hertz in np.geomspace(1e3, 1e6, 10):
        rate = 1e9 / round(1e9 / (hertz * 200.0))  # of the hardware
        cycles = 10.0 * rate / hertz
        scope.configure_horizontal_timing(rate, round(cycles), 0.0, 1, enforce_realtime=True)
        generator.output_mode = OutputMode.FUNC
        generator.configure_standard_waveform(Waveform.SINE, 2.0, hertz, 0.0, 0.0)
        with generator.initiate():
            clock.advance(0.01)
            with scope.initiate():
                first, second = scope.channels["0,1"].fetch()
        turns = np.exp(-2j * math.pi * hertz * np.arange(round(cycles)) / rate)
        window = np.hanning(round(cycles))
        before, after = ((np.array(each.samples) * window) @ turns for each in (first, second))
        load = 1.0 / (1.0 / 50.0 + 1.0 / 1e6 + 1.0 / 10e6)  # the resistor, the inputs
        farads = 1e-7 + 20e-12  # with the input of the digitizer
        gain = 1.0 / (1.0 + 50.0 * (1.0 / load + 2j * math.pi * hertz * farads))
        assert after / before == pytest.approx(gain, rel=1e-4), hertz


@wired_to(f'{LOADED}\n[[connect]]\nchannel = "SCOPE1/0"\nhi = "out"\n')
def test_a_digitizer_sees_the_sine_of_a_generator(generator, open_scope, clock):
    configure(generator, Waveform.SINE)
    scope = open_scope("SCOPE1")
    scope.channels[0].configure_vertical(range=10.0, coupling=niscope.VerticalCoupling.DC)
    scope.configure_horizontal_timing(1e5, 1000, 0.0, 1, enforce_realtime=True)
    scope.trigger_type = niscope.TriggerType.IMMEDIATE
    with generator.initiate():
        clock.advance(1e-6)  # The input's capacitance charges within some nanoseconds.
        with scope.initiate():
            (record,) = scope.channels[0].fetch(num_samples=1000)
    samples = np.array(record.samples)
    spectrum = np.abs(np.fft.rfft(samples)) / 500.0
    assert spectrum[0] / 2.0 == pytest.approx(0.5, rel=1e-3)
    assert int(np.argmax(spectrum[1:])) + 1 == 10  # 10 cycles of 1 kHz in 10 ms
    assert spectrum[10] == pytest.approx(1.0, rel=1e-3)
