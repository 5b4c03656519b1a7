"""Records of circuits agree with closed forms, however many samples they have."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from bench_text import channel, part
from device_sim.bench import Bench, Grid, Input, Output, Sine, waves
from device_sim.clock import ManualClock
from exact_bench import EXACT

EXACTLY = 1e-6  # The largest relative error.
SCOPE = "SCOPE1/0"
OHMS, HENRIES, FARADS = 1000.0, 1e-3, 1e-6
NO_ESR = {"esr": 1e-9}


@pytest.fixture
def load(bench_file):
    def load_bench(*parts: str) -> Bench:
        return Bench.load(bench_file("\n".join((EXACT, channel(SCOPE, "out"), *parts))), clock)

    clock = ManualClock()
    return load_bench


def battery(volts: float) -> str:
    return part("V1", "source", "in", "GND", voltage=volts, resistance=1e-6)


def low_pass(ohms: float = OHMS, farads: float = FARADS) -> str:
    resistor = part("R1", "resistor", "in", "out", value=ohms)
    return resistor + part("C1", "capacitor", "out", "GND", value=farads, **NO_ESR)


def resonator(ohms: float) -> str:
    return (
        part("R1", "resistor", "in", "middle", value=ohms)
        + part("L1", "inductor", "middle", "out", value=HENRIES, resistance=1e-9)
        + part("C1", "capacitor", "out", "GND", value=FARADS, **NO_ESR)
    )


def test_the_step_of_a_low_pass(load):
    grid = Grid(0.0, 1e-6, 10_000)
    volts = load(battery(2.0), low_pass()).sample(SCOPE, grid).voltages
    settled = -2.0 * np.expm1(-grid.times / (OHMS * FARADS))
    assert volts == pytest.approx(settled, rel=EXACTLY, abs=2e-12)


CRITICAL = 2.0 * math.sqrt(HENRIES / FARADS)


@pytest.mark.parametrize("ohms", [1.0, 20.0, CRITICAL, CRITICAL * (1.0 + 1e-7), 100.0, 2000.0])
def test_the_step_of_a_resonator(load, ohms):
    grid = Grid(0.0, 1e-6, 5000)
    volts = load(battery(1.0), resonator(ohms)).sample(SCOPE, grid).voltages
    damping, squared = ohms / (2.0 * HENRIES), 1.0 / (HENRIES * FARADS)
    turns = np.sqrt(complex(squared - damping**2)) or 1e-9
    modes = [
        np.exp((-damping + sign * 1j * turns) * grid.times) * (1.0 + sign * damping / 1j / turns)
        for sign in (1.0, -1.0)
    ]
    assert volts == pytest.approx(1.0 - sum(modes).real / 2.0, abs=EXACTLY)


@pytest.mark.parametrize("hertz", [1.0, 100.0, 1e3, 4.9e3, 5.1e3, 20e3, 1e6])
@pytest.mark.parametrize("ohms", [20.0, 500.0])
def test_a_sine_settles_to_the_gain_and_phase_of_a_resonator(load, hertz, ohms):
    sine = part("V1", "source", "in", "GND", voltage=0.0, resistance=1e-6, amplitude=1.0)
    bench = load(sine.rstrip() + f"\nfrequency = {hertz}\n", resonator(ohms))
    grid = Grid(1.0, 1.0 / hertz / 64.0, 640)
    volts = bench.sample(SCOPE, grid).voltages
    omega = 2.0 * math.pi * hertz
    capacitor = 1e-9 + 1.0 / (1j * omega * FARADS)
    gain = capacitor / (ohms + 1e-6 + 1j * omega * HENRIES + capacitor)
    expected = math.sqrt(2.0) * (gain * np.exp(1j * omega * grid.times)).real
    assert volts == pytest.approx(expected, abs=EXACTLY * max(abs(gain), 1e-3))


def square_through_low_pass(times, tau: float, half_cycle: float) -> np.ndarray:
    """Return the course of a capacitor from 0 V, with +1 V and -1 V in turn."""
    volts, begin, result = 0.0, 0.0, np.empty(len(times))
    sign = 1.0
    while begin <= times[-1]:
        chosen = times >= begin
        result[chosen] = sign + (volts - sign) * np.exp(-(times[chosen] - begin) / tau)
        volts = sign + (volts - sign) * math.exp(-half_cycle / tau)
        begin, sign = begin + half_cycle, -sign
    return result


@pytest.mark.parametrize(
    "grid",
    [Grid(0.0, 1e-6, 5000), Grid(0.1234567, 3.3e-7, 20_000), Grid(0.2, 1.7e-3, 50)],
    ids=["from the begin", "later", "slower than the square"],
)
def test_a_square_through_a_low_pass(load, grid):
    square = part("V1", "square", "in", "GND", amplitude=2.0, frequency=1e3, resistance=1e-6)
    volts = load(square, low_pass(1000.0, 1e-7)).sample(SCOPE, grid).voltages
    expected = square_through_low_pass(grid.times, 1e-4, 0.5e-3)
    assert volts == pytest.approx(expected, abs=EXACTLY)


def test_the_edges_of_a_square_are_at_the_right_sample(load):
    square = part("V1", "square", "out", "GND", amplitude=2.0, frequency=1e3, resistance=1.0)
    volts = load(square + "duty = 25.0\nphase = 90.0\n").sample(SCOPE, Grid(0.0, 1e-6, 4000))
    rising = np.flatnonzero(np.diff(volts.voltages) > 0.0) + 1
    falling = np.flatnonzero(np.diff(volts.voltages) < 0.0) + 1
    assert list(rising) == [750, 1750, 2750, 3750]
    assert list(falling) == [1000, 2000, 3000]


@pytest.mark.parametrize("tau", [1e-6, 1e-4, 1e-1])
def test_a_ramp_and_a_triangle_through_a_low_pass(load, tau):
    hertz, low = 200.0, low_pass(1000.0, tau / 1000.0)
    grid = Grid(0.0, 1e-6, 1000)  # less than a quarter of a cycle
    for kind, start, slope in (("ramp", -0.5, hertz), ("triangle", 0.0, 2.0 * hertz)):
        source = part("V1", kind, "in", "GND", amplitude=1.0, frequency=hertz, resistance=1e-6)
        volts = load(source, low).sample(SCOPE, grid).voltages
        passed = -np.expm1(-grid.times / tau)
        expected = start * passed + slope * (grid.times - tau * passed)
        assert volts == pytest.approx(expected, abs=EXACTLY), kind


@pytest.mark.parametrize("kind", ["square", "triangle", "ramp", "noise"])
def test_one_record_is_the_same_as_many_short_ones(load, kind):
    how = {"rate": 31e3} if kind == "noise" else {"frequency": 7e3}
    source = part("V1", kind, "in", "GND", amplitude=1.0, resistance=50.0, **how)
    bench = load(source, resonator(50.0))
    whole = bench.sample(SCOPE, Grid(1e-3, 1e-6, 2000)).voltages
    pieces = [bench.sample(SCOPE, Grid(1e-3, 1e-6, 2000).part(n, n + 100)) for n in (1900, 0, 700)]
    for first, piece in zip((1900, 0, 700), pieces, strict=True):
        assert piece.voltages == pytest.approx(whole[first : first + 100], abs=1e-9)


@pytest.mark.parametrize("kind", ["source", "square", "triangle", "ramp", "noise"])
def test_a_mean_is_that_of_the_samples(load, kind):
    how = {"rate": 31e3} if kind == "noise" else {"frequency": 7e3}
    source = part("V1", kind, "in", "GND", amplitude=1.0, resistance=50.0, voltage=0.3, **how)
    bench = load(source, resonator(50.0))
    fine = Grid.over(1.01e-3, 1.37e-3, 200_001)
    samples = bench.sample(SCOPE, fine).voltages
    mean = (samples.sum() - (samples[0] + samples[-1]) / 2.0) / 200_000
    assert bench.measure(SCOPE, 1.01e-3, 1.37e-3).voltage == pytest.approx(mean, rel=1e-7)


def test_noise_has_its_deviation_and_no_memory(load):
    noise = part("V1", "noise", "out", "GND", amplitude=1.0, rate=1e6, resistance=1.0)
    volts = load(noise).sample(SCOPE, Grid(0.5e-6, 1e-6, 100_000)).voltages
    assert volts.std() == pytest.approx(1.0 / math.sqrt(3.0), rel=0.02)
    assert abs(np.corrcoef(volts[1:], volts[:-1])[0, 1]) < 0.02


def test_too_many_values_between_two_samples_count_by_their_mean(load):
    """A table of four values repeats 25 million times in a second."""
    table = np.array([4.0, 0.0, -1.0, 1.0])
    bench = load(low_pass(1000.0, 1e-7), channel("FGEN1/0", "in"))
    held = waves.Held(lambda numbers: table[numbers], 100e6, 0.0, 4)
    bench.drive("FGEN1/0", Output("voltage", 0.0, -math.inf, math.inf, 1e-6, held), 0.0)
    assert bench.measure(SCOPE, 0.5, 0.6).voltage == pytest.approx(1.0, abs=1e-4)
    assert bench.sample(SCOPE, Grid(0.9, 1e-3, 5)).voltages == pytest.approx([1.0] * 5, abs=1e-2)


def test_currents_are_those_of_kirchhoff(load):
    bench = load(low_pass(1000.0, 1e-7), channel("SMU1/0", "in"))
    bench.drive(SCOPE, Input(1e6), 0.0)
    bench.drive("SMU1/0", Output("voltage", 1.0, -1.0, 1.0, 0.0, Sine(1e3, 1.0, 0.0)), 0.0)
    grid = Grid(0.0, 1e-6, 1000)
    source, scope = bench.sample("SMU1/0", grid), bench.sample(SCOPE, grid)
    resistor = (source.voltages - scope.voltages) / 1000.0
    assert source.currents == pytest.approx(resistor, abs=1e-12)
    assert scope.currents == pytest.approx(-scope.voltages / 1e6, abs=1e-15)


def test_an_inductor_keeps_its_current_where_a_source_ends(load):
    bench = load(
        part("R1", "resistor", "out", "GND", value=100.0),
        part("L1", "inductor", "in", "out", value=0.1, resistance=1e-6),
        part("R2", "resistor", "in", "GND", value=400.0),
        channel("SMU1/0", "in"),
    )
    bench.drive("SMU1/0", Output("voltage", 10.0, -1.0, 1.0), 0.0)
    bench.drive("SMU1/0", None, 0.1)  # The current goes on through both resistors.
    grid = Grid(0.1, 1e-5, 100)
    expected = 10.0 * np.exp(-(grid.times - 0.1) * 500.0 / 0.1)
    assert bench.sample(SCOPE, grid).voltages == pytest.approx(expected, rel=1e-6)


LADDER = "".join(
    part(f"R{n}", "resistor", left, right, value=1000.0)
    + part(f"C{n}", "capacitor", right, "GND", value=1e-7)
    for n, (left, right) in enumerate([("in", "a"), ("a", "b"), ("b", "out")])
)


@pytest.mark.parametrize(("count", "most"), [(40_000, 0.05), (1_000_000, 1.0)])
def test_long_records_of_three_states_are_fast(load, count, most):
    """The best of some tries, in the processor's time, so that a busy machine does not matter."""
    square = part("V1", "square", "in", "GND", amplitude=2.0, frequency=1e3, resistance=50.0)
    bench = load(square, LADDER)
    bench.sample(SCOPE, Grid(0.0, 1e-6, 10))
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        bench.sample(SCOPE, Grid(0.0, 1e-6, count))
        seconds.append(time.process_time() - begin)
    assert min(seconds) < most
