"""A generator is a source behind its output impedance: what a meter reads depends on the load."""

from __future__ import annotations

import math

import hightime
import nidmm
import nifgen
import niscope
import numpy as np
import pytest
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
        times = np.linspace(0.0, 0.01, 101)
        expected = session.voltages(0, times)
        assert server.bench.waveform("FGEN1/0", times) == pytest.approx(expected, abs=1e-6)


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


@wired_to(LOADED)
@pytest.mark.parametrize("waveform", [Waveform.SQUARE, Waveform.TRIANGLE, Waveform.NOISE])
def test_a_signal_that_the_bench_cannot_have_is_refused(generator, meter, waveform):
    configure(generator, waveform)
    for start in (generator.commit, generator.initiate):
        with pytest.raises(nifgen.errors.DriverError) as caught:
            start()
        assert caught.value.code == -1074135023
        assert "FGEN1/0" in caught.value.description
    generator.output_mode = OutputMode.ARB
    generator.create_waveform([0.0, 0.5, 0.0, -0.5])
    with pytest.raises(nifgen.errors.DriverError, match="DC or a sine"):
        generator.initiate()
    assert meter.read() == 0.0


@wired_to(f'{LOADED}\n[[connect]]\nchannel = "SCOPE1/0"\nhi = "out"\n')
def test_a_digitizer_sees_the_sine_of_a_generator(generator, open_scope):
    configure(generator, Waveform.SINE)
    scope = open_scope("SCOPE1")
    scope.channels[0].configure_vertical(range=10.0, coupling=niscope.VerticalCoupling.DC)
    scope.configure_horizontal_timing(1e5, 1000, 0.0, 1, enforce_realtime=True)
    scope.trigger_type = niscope.TriggerType.IMMEDIATE
    with generator.initiate(), scope.initiate():
        (record,) = scope.channels[0].fetch(num_samples=1000)
    samples = np.array(record.samples)
    spectrum = np.abs(np.fft.rfft(samples)) / 500.0
    assert spectrum[0] / 2.0 == pytest.approx(0.5, rel=1e-3)
    assert int(np.argmax(spectrum[1:])) + 1 == 10  # 10 cycles of 1 kHz in 10 ms
    assert spectrum[10] == pytest.approx(1.0, rel=1e-3)
