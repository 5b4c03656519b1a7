"""A wired digitizer samples its nets, and triggers at their signals."""

from __future__ import annotations

import math

import niscope
import numpy as np
import pytest
from device_sim import DeviceControl
from exact_bench import EXACT, wired_to
from niscope import ScalarMeasurement, TriggerCoupling, TriggerSlope

TIMEOUT = -1074126845
NOT_SERVED = -1074135023
DC = niscope.VerticalCoupling.DC

# A sine of 2 V peak at 1 kHz on 1 V, with 50 ohms.
SINE = f"""{EXACT}
[[connect]]
channel = "SCOPE1/0"
hi = "net"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 1.0
resistance = 50.0
amplitude = {2.0 / math.sqrt(2.0)}
frequency = 1000.0
"""

# An SMU charges 1 µF by 1 kΩ: time constant 1 ms.
CHARGING = f"""{EXACT}
[[connect]]
channel = "SMU1/0"
hi = "in"

[[connect]]
channel = "SCOPE1/0"
hi = "out"

[[connect]]
channel = "SCOPE1/1"
hi = "in"

[[part]]
name = "R1"
kind = "resistor"
a = "in"
b = "out"
value = 1000.0

[[part]]
name = "C1"
kind = "capacitor"
a = "out"
b = "GND"
value = 1e-6
"""
LOADED = 1e6 / (1e6 + 1000.0)
"""The fraction of the SMU's volts that 1 MΩ of the input leaves after R1."""


def refused(code: int, action) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(niscope.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param)


@pytest.fixture
def scope(open_scope):
    scope = open_scope()
    scope.channels["0"].configure_vertical(10.0, DC)
    scope.configure_horizontal_timing(1e6, 5000, 50.0, 1, True)
    return scope


def take(scope, channel: str = "0", **how):
    with scope.initiate():
        return scope.channels[channel].fetch(**how)


def times_of(waveform):
    return waveform.relative_initial_x + np.arange(len(waveform.samples)) * waveform.x_increment


@wired_to(SINE)
@pytest.mark.parametrize("slope,sign", [(TriggerSlope.POSITIVE, 1), (TriggerSlope.NEGATIVE, -1)])
@pytest.mark.parametrize("level", [1.0, 2.5, -0.9])
def test_an_edge_triggers_where_the_sine_crosses_the_level(scope, slope, sign, level):
    scope.configure_trigger_edge("0", level, TriggerCoupling.DC, slope)
    (found,) = take(scope)
    inside = 1e6 / (1e6 + 50.0)  # The input loads the source.
    turn = math.asin((level / inside - 1.0) / 2.0)
    phase = turn if sign > 0 else math.pi - turn
    expected = inside * (1.0 + 2.0 * np.sin(2 * math.pi * 1000.0 * times_of(found) + phase))
    assert found.samples == pytest.approx(expected, abs=1e-5)
    assert found.relative_initial_x == pytest.approx(-2.5e-3, abs=1e-6)


@wired_to(SINE)
def test_measurements_are_those_of_the_sine(scope):
    scope.input_impedance = 50.0  # halves it
    scope.configure_trigger_edge("0", 0.5, TriggerCoupling.DC)
    with scope.initiate():
        for name, expected in {
            "FREQUENCY": 1000.0,
            "AMPLITUDE": 2.0,
            "VOLTAGE_AVERAGE": 0.5,
            "VOLTAGE_CYCLE_RMS": math.sqrt(0.25 + 0.5),
            "RISE_TIME": 2 * math.asin(0.8) / (2 * math.pi * 1000.0),
        }.items():
            (stats,) = scope.channels["0"].fetch_measurement_stats(ScalarMeasurement[name])
            assert stats.result == pytest.approx(expected, rel=1e-4), name


@wired_to(SINE)
def test_a_record_for_each_trigger(scope):
    scope.configure_horizontal_timing(1e6, 500, 20.0, 4, True)
    scope.configure_trigger_edge("0", 1.0, TriggerCoupling.DC)
    found = take(scope)
    assert [each.record for each in found] == [0, 1, 2, 3]
    starts = np.diff([each.absolute_initial_x for each in found])
    assert starts == pytest.approx([1e-3] * 3, abs=1.1e-6)
    scope.trigger_holdoff = 2.5e-3
    starts = np.diff([each.absolute_initial_x for each in take(scope)])
    assert starts == pytest.approx([3e-3] * 3, abs=1.1e-6)
    scope.trigger_holdoff = 0.0
    scope.trigger_delay_time = 100e-6
    assert take(scope)[0].relative_initial_x == pytest.approx(0.0, abs=1e-6)


@wired_to(SINE)
def test_hysteresis_and_window_triggers(scope):
    scope.configure_trigger_hysteresis("0", 1.0, 1.5, TriggerCoupling.DC)
    (found,) = take(scope)
    assert found.samples[2500] == pytest.approx(1.0, abs=0.02)
    scope.trigger_hysteresis = 2.5  # more than the sine has below the level
    scope.trigger_modifier = niscope.TriggerModifier.NO_TRIGGER_MOD
    refused(TIMEOUT, lambda: take(scope, timeout=0.1))
    leaving = niscope.TriggerWindowMode.LEAVING
    scope.configure_trigger_window("0", -2.0, 2.0, leaving, TriggerCoupling.DC)
    (found,) = take(scope)
    assert found.samples[2500] == pytest.approx(2.0, abs=0.02)
    assert found.samples[2510] > 2.0


@wired_to(SINE)
def test_without_a_trigger_a_fetch_times_out_unless_triggering_is_automatic(scope):
    scope.configure_trigger_edge("0", 4.0, TriggerCoupling.DC)
    with scope.initiate():
        refused(TIMEOUT, lambda: scope.channels["0"].fetch(timeout=0.5))
        assert scope.acquisition_status() is niscope.AcquisitionStatus.IN_PROGRESS
    scope.trigger_modifier = niscope.TriggerModifier.AUTO
    with scope.initiate():
        assert len(scope.channels["0"].fetch()[0].samples) == 5000
        assert scope.trigger_auto_triggered


@wired_to(SINE)
def test_a_software_trigger_must_be_sent(scope, clock):
    scope.configure_trigger_software()
    with scope.initiate():
        refused(TIMEOUT, lambda: scope.channels["0"].fetch(timeout=0.1))
        clock.advance(1.0)
        scope.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)
        assert len(scope.channels["0"].fetch()[0].samples) == 5000


@wired_to(CHARGING)
def test_a_step_is_caught_and_settles_as_theory_says(scope, open_dcpower, clock):
    scope.channels["1"].configure_vertical(10.0, DC)
    scope.configure_trigger_edge("1", 1.0, TriggerCoupling.DC)
    smu = open_dcpower("SMU1/0")
    with scope.initiate():
        clock.advance(0.02)
        smu.voltage_level = 3.0
        smu.current_limit = 0.1
        with smu.initiate():
            out, into = scope.channels["0,1"].fetch()
    # With 0.1 A, the 20 pF of an input need 0.6 ns for 3 V, so the course is 0.3 ns late. Behind
    # its bandwidth, the trigger sees 1 V after 0.48 ns.
    times = times_of(out) + 0.48e-9 - 0.3e-9
    after = times >= 0.0
    assert np.flatnonzero(after)[0] == 2500
    tau = (1e-6 + 20e-12) * (1000.0 * LOADED + 1e-3)  # with the capacitance of the input
    settled = 3.0 * LOADED * -np.expm1(-times[after] / tau)
    esr = 1e-3 * 3e-3 * np.exp(-times[after] / tau)  # volts at the capacitor's own resistance
    assert np.array(out.samples)[after] == pytest.approx(settled + esr, abs=1e-7)
    assert np.array(out.samples)[~after] == pytest.approx(0.0, abs=1e-9)
    expected = np.where(after, 3.0, 0.0)
    expected[2499] = 0.1 * 1e-3  # at the very step: 0.1 A in the series resistance of the 20 pF
    assert np.array(into.samples) == pytest.approx(expected, abs=1e-6)


@wired_to(CHARGING)
def test_an_output_at_its_limit_charges_by_a_ramp_and_then_settles(scope, open_dcpower, clock):
    """The bench changes from a constant current to a constant voltage within a record."""
    scope.configure_trigger_edge("0", 0.5, TriggerCoupling.DC)
    scope.channels["1"].configure_vertical(10.0, DC)
    smu = open_dcpower("SMU1/0")
    with scope.initiate():
        clock.advance(0.02)
        smu.voltage_level = 3.0
        smu.current_limit_range = 1e-2
        smu.current_limit = 1e-3
        with smu.initiate():
            out, into = scope.channels["0,1"].fetch()
    volts, inner = np.array(into.samples), np.array(out.samples)
    limited = (volts < 2.999) & (volts > 1.01)
    current = (volts[limited] - inner[limited]) / 1000.0
    assert limited.sum() > 500
    into_input = volts[limited] / 1e6 + 20e-12 * 1e-3 / 1e-6  # also into its capacitance
    assert current == pytest.approx(1e-3 - into_input, abs=1e-9)
    assert inner[-1] < volts[-1] == pytest.approx(3.0)


@wired_to(SINE.replace(EXACT, ""))
def test_readings_are_within_the_models_accuracy(scope):
    scope.configure_trigger_edge("0", 1.0, TriggerCoupling.DC)
    (found,) = take(scope)
    step = 10.0 / 2**14
    codes = np.array(found.samples) / step
    assert codes == pytest.approx(np.rint(codes), abs=1e-6)
    assert np.ptp(found.samples) == pytest.approx(4.0, rel=0.02)


@wired_to(SINE)
def test_a_signal_beyond_the_range_is_clipped(scope):
    scope.channels["0"].vertical_range = 5.0
    (found,) = take(scope)
    assert max(found.samples) == pytest.approx(2.5 - 5.0 / 2**14)
    assert min(found.samples) == pytest.approx(-1.0, abs=1e-3)
    scope.channels["0"].vertical_coupling = niscope.VerticalCoupling.GND
    assert set(take(scope)[0].samples) == {0.0}


@wired_to(SINE)
def test_automatic_setup_finds_the_signal(scope, clock):
    clock.advance(1.0)
    scope.auto_setup()
    assert scope.channels["0"].vertical_range == 10.0
    assert (scope.trigger_type, scope.trigger_source) == (niscope.TriggerType.EDGE, "0")
    assert scope.trigger_level == pytest.approx(1.0, abs=0.01)


@wired_to(SINE)
def test_what_the_bench_cannot_do_is_refused(scope):
    scope.trigger_type = niscope.TriggerType.GLITCH
    assert "glitch" in refused(NOT_SERVED, scope.initiate)


@wired_to(SINE)
def test_ac_coupling_takes_the_mean_away_and_damps_its_corner(scope, server, clock):
    scope.channels["0"].vertical_coupling = niscope.VerticalCoupling.AC
    clock.advance(1.0)
    scope.configure_trigger_edge("0", 0.0, TriggerCoupling.DC)
    (found,) = take(scope)
    assert found.samples == pytest.approx(
        2.0 * np.sin(2 * math.pi * 1000.0 * times_of(found)), abs=3e-4
    )
    server.bench.set("V1", frequency=10.0)
    clock.advance(1.0)
    scope.configure_horizontal_timing(1e3, 1000, 0.0, 1, True)
    assert np.std(take(scope)[0].samples) == pytest.approx(1.0, rel=2e-3)  # 2 V / √2 / √2


@wired_to(SINE)
@pytest.mark.parametrize("coupling", [TriggerCoupling.AC, TriggerCoupling.AC_PLUS_HF_REJECT])
def test_ac_coupling_of_the_trigger_takes_the_mean_away(scope, clock, coupling):
    clock.advance(1.0)
    scope.configure_trigger_edge("0", 0.0, coupling)
    (found,) = take(scope)
    assert found.samples[2500] == pytest.approx(1.0, abs=0.1)


# A triangle of 1 kHz with 71 mV of 2 MHz on top.
NOISY = (
    SINE.replace("1000.0", "2e6")
    .replace(str(2.0 / math.sqrt(2.0)), "0.05")
    .replace('a = "net"\nb = "GND"', 'a = "net"\nb = "low"')
    + """
[[part]]
name = "V2"
kind = "triangle"
a = "low"
b = "GND"
amplitude = 2.0
frequency = 1000.0
resistance = 1.0
"""
)


@wired_to(NOISY)
def test_the_trigger_can_reject_high_frequencies(scope, clock):
    scope.configure_horizontal_timing(100e6, 1000, 50.0, 1, True)
    offsets = {}
    for coupling in (TriggerCoupling.DC, TriggerCoupling.HF_REJECT):
        scope.configure_trigger_edge("0", 1.25, coupling)
        clock.advance(2e-3 - clock.now() % 1e-3)  # to the middle of the triangle, which rises
        offsets[coupling] = np.mean(take(scope)[0].samples)
    # At its first crossing, the ripple is near its peak of 71 mV; behind the filter it is not.
    assert offsets[TriggerCoupling.DC] < 1.25 - 0.03
    late = 4000.0 / (2.0 * math.pi * 50e3)  # volts that the triangle rises in the filter's delay
    assert offsets[TriggerCoupling.HF_REJECT] == pytest.approx(1.25 + late, abs=0.01)


@wired_to(SINE.replace("1000.0", "20e6").replace("resistance = 50.0", "resistance = 0.1"))
def test_the_bandwidth_damps_what_is_faster(scope, clock):
    clock.advance(1e-3)
    scope.configure_horizontal_timing(1e9, 10_000, 0.0, 1, True)
    assert np.std(take(scope)[0].samples) == pytest.approx(math.sqrt(2.0), rel=3e-3)
    scope.channels["0"].configure_chan_characteristics(1e6, 20e6)
    assert np.std(take(scope)[0].samples) == pytest.approx(1.0, rel=1e-2)


@wired_to(SINE.replace("resistance = 50.0", "resistance = 1e6"))
def test_a_probe_loads_less(scope, clock):
    scope.configure_trigger_immediate()
    clock.advance(1.0)
    assert np.mean(take(scope)[0].samples) == pytest.approx(0.5, abs=1e-3)
    scope.channels["0"].probe_attenuation = 10.0
    scope.channels["0"].vertical_range = 50.0
    clock.advance(1.0)
    assert np.mean(take(scope)[0].samples) == pytest.approx(10.0 / 11.0, abs=2e-3)


@wired_to(SINE)
def test_faults_of_a_digitizer_change_its_records(scope, server, address):
    scope.configure_trigger_edge("0", 1.0, TriggerCoupling.DC)
    clean = np.array(take(scope)[0].samples)
    with DeviceControl(address) as control:
        control.faults.clip_input("SCOPE1", 0.3)
    assert max(take(scope)[0].samples) == pytest.approx(1.5, abs=1e-3)
    server.faults.clear("scope1")
    server.faults.drop_samples("SCOPE1", 0.2)
    lost = np.array(take(scope)[0].samples)
    assert np.mean(np.diff(lost) == 0.0) == pytest.approx(0.2, abs=0.03)
    assert lost == pytest.approx(clean, abs=0.15)
    server.faults.clear()
    server.faults.add_noise("SCOPE1", 0.1)
    assert np.std(take(scope)[0].samples - clean) == pytest.approx(0.1, rel=0.1)


@wired_to(SINE)
def test_a_burst_of_noise_has_a_begin_and_an_end(scope, server, clock):
    scope.configure_trigger_immediate()
    scope.configure_horizontal_timing(1e6, 5000, 0.0, 1, True)
    clock.advance(1e-3)
    clean = np.array(take(scope)[0].samples)
    clock.advance(1e-3 - clock.now() % 1e-3)
    server.faults.add_noise("SCOPE1", 0.1, after=1e-3, lasting=2e-3)
    (found,) = take(scope)
    shift = round((found.absolute_initial_x % 1e-3) * 1e6)
    deviation = abs(found.samples - np.resize(np.roll(clean[:1000], -shift), 5000)) > 0.01
    assert not deviation[:990].any()
    assert deviation[1010:2990].mean() > 0.8
    assert not deviation[3010:].any()


@wired_to(SINE)
def test_a_trigger_that_never_comes_times_out(scope, server):
    server.faults.lose_triggers("SCOPE1", lasting=2.0)
    for configure in (
        lambda: scope.configure_trigger_edge("0", 1.0, TriggerCoupling.DC),
        scope.configure_trigger_immediate,
        scope.configure_trigger_software,
    ):
        configure()
        with scope.initiate():
            scope.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)
            refused(TIMEOUT, lambda: scope.channels["0"].fetch(timeout=0.1))
    scope.configure_trigger_edge("0", 1.0, TriggerCoupling.DC)
    assert take(scope, timeout=5.0)[0].absolute_initial_x >= 1.99


DIODE = f"""{CHARGING}
[[part]]
name = "D1"
kind = "diode"
a = "out"
b = "GND"
"""


@wired_to(DIODE)
def test_a_diode_limits_the_voltage_of_a_capacitor(scope, open_dcpower, clock):
    """The course is that of a circuit with an ideal current source into a diode, from 0.5 V on."""
    scope.configure_trigger_edge("0", 0.4, TriggerCoupling.DC)
    smu = open_dcpower("SMU1/0")
    with scope.initiate():
        clock.advance(0.02)
        smu.voltage_level = 3.0
        smu.current_limit = 0.1
        with smu.initiate():
            (found,) = scope.channels["0"].fetch()
    volts = np.array(found.samples)
    assert volts[2500] == pytest.approx(0.4, abs=0.003)
    thermal = 1.380649e-23 * 298.15 / 1.602176634e-19
    last = volts[-1]
    assert (3.0 - last) / 1000.0 - last / 1e6 == pytest.approx(
        1e-12 * math.expm1(last / thermal), rel=1e-4
    )
    assert (np.diff(volts[2500:]) > -1e-9).all()


@wired_to(SINE)
def test_a_scope_and_a_multimeter_load_the_same_net(scope, open_dmm, server):
    scope.input_impedance = 50.0
    take(scope, num_samples=10)
    state = server.bench.measure("SCOPE1/0", server.bench.timeline.now, server.bench.timeline.now)
    assert abs(state.voltage - 0.5) <= 1.0 + 1e-9
