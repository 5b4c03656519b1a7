"""Rectifiers agree with the differential equation, and with ngspice where it is installed."""

from __future__ import annotations

import math
import shutil
import subprocess

import numpy as np
import pytest
from bench_text import channel, part
from device_sim import BenchError
from device_sim.bench import Bench, Grid
from device_sim.clock import ManualClock
from exact_bench import EXACT

SCOPE = "SCOPE1/0"
THERMAL = 1.380649e-23 * 298.15 / 1.602176634e-19
SATURATION, OHMS, LOAD, FARADS, HERTZ, PEAK = 1e-12, 10.0, 1000.0, 1e-6, 1000.0, 5.0

SINE = part(
    "V1", "source", "in", "GND", voltage=0.0, resistance=OHMS, amplitude=PEAK / math.sqrt(2.0)
)
SINE += f"frequency = {HERTZ}\nphase = -90.0\n"
DIODE = part("D1", "diode", "in", "out")
SMOOTHED = part("R1", "resistor", "out", "GND", value=LOAD) + part(
    "C1", "capacitor", "out", "GND", value=FARADS, esr=1e-6
)


@pytest.fixture
def load(bench_file):
    def load_bench(*parts: str) -> Bench:
        text = "\n".join((EXACT, channel(SCOPE, "out"), *parts))
        return Bench.load(bench_file(text), ManualClock())

    return load_bench


def diode_current(across: float) -> float:
    """Return the current through the source's resistance and the diode, by bisection."""
    low, high = (0.0, across / OHMS) if across > 0.0 else (-SATURATION, 0.0)
    for _ in range(80):
        current = (low + high) / 2.0
        excess = current * OHMS + THERMAL * math.log1p(current / SATURATION) - across
        low, high = (low, current) if excess > 0.0 else (current, high)
    return low


def test_a_rectifier_obeys_its_differential_equation(load):
    grid = Grid(0.0, 1e-6, 5000)

    def slope(time: float, volts: np.ndarray) -> list[float]:
        source = PEAK * math.sin(2.0 * math.pi * HERTZ * time)
        return [(diode_current(source - volts[0]) - volts[0] / LOAD) / FARADS]

    from scipy.integrate import solve_ivp

    found = load(SINE, DIODE, SMOOTHED).sample(SCOPE, grid).voltages
    solved = solve_ivp(
        slope, (0.0, grid.end), [0.0], "LSODA", grid.times, rtol=1e-8, atol=1e-10, max_step=1e-5
    )
    assert found == pytest.approx(solved.y[0], abs=5e-5)


def test_without_a_capacitor_each_sample_obeys_shockley(load):
    grid = Grid(0.0, 1e-6, 3000)
    found = load(SINE, DIODE, part("R1", "resistor", "out", "GND", value=LOAD)).sample(SCOPE, grid)
    for time, volts in zip(grid.times[::100], found.voltages[::100], strict=True):
        source = PEAK * math.sin(2.0 * math.pi * HERTZ * time)
        current = volts / LOAD
        across = source - volts - current * OHMS
        leak = 1e-15 * across
        expected = SATURATION * math.expm1(across / THERMAL) + leak
        assert current == pytest.approx(expected, rel=1e-6, abs=1e-14)


BRIDGE = "".join(
    part(f"D{n}", "diode", a, b)
    for n, (a, b) in enumerate([("p", "out"), ("n", "out"), ("GND", "p"), ("GND", "n")])
)


def test_a_bridge_has_twice_the_frequency(load):
    floating = SINE.replace('a = "in"', 'a = "p"').replace('b = "GND"', 'b = "n"')
    bench = load(floating, BRIDGE, SMOOTHED)
    volts = bench.sample(SCOPE, Grid(0.02, 1e-5, 2000)).voltages
    spectrum = abs(np.fft.rfft(volts - volts.mean()))
    assert int(np.argmax(spectrum)) == 40  # 2 kHz, in 20 ms
    assert 0.0 < volts.min() < volts.max() < PEAK - 2 * 0.4


def test_a_circuit_that_repeats_itself_costs_nothing_later(load):
    bench = load(SINE, DIODE, SMOOTHED)
    early = bench.sample(SCOPE, Grid(0.1, 1e-6, 1000)).voltages
    late = bench.sample(SCOPE, Grid(3600.0, 1e-6, 1000)).voltages
    assert late == pytest.approx(early, abs=1e-4)
    hour = bench.measure(SCOPE, 3600.0, 7200.0).voltage
    assert hour == pytest.approx(early.mean(), abs=1e-4)


def test_a_circuit_that_never_repeats_itself_is_refused_after_many_steps(load, monkeypatch):
    monkeypatch.setattr("device_sim.bench.course._MOST_STEPS", 500)
    noise = part("V1", "noise", "in", "GND", amplitude=5.0, rate=1e6, resistance=OHMS)
    bench = load(noise, DIODE, SMOOTHED)
    with pytest.raises(BenchError, match="needs more than 500 steps"):
        bench.measure(SCOPE, 1.0, 1.1)


NETLIST = f"""rectifier
V1 s 0 SIN(0 {PEAK} {HERTZ})
R0 s in {OHMS}
D1 in out ideal
R1 out 0 {LOAD}
C1 out 0 {FARADS} IC=0
.model ideal D(IS={SATURATION} N=1 TNOM=25)
.options TEMP=25 RELTOL=1e-5
.tran 1u 5m 0 1u UIC
.control
run
wrdata OUT v(out)
.endc
.end
"""


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="no ngspice")
def test_a_rectifier_agrees_with_ngspice(load, tmp_path):
    out, netlist = tmp_path / "out.txt", tmp_path / "rectifier.cir"
    netlist.write_text(NETLIST.replace("OUT", str(out)), encoding="ascii")
    # The exit code is 1, because the .control block has already run the simulation.
    done = subprocess.run(["ngspice", "-b", str(netlist)], capture_output=True, timeout=120)
    assert out.exists(), done.stdout + done.stderr
    times, volts = np.loadtxt(out, unpack=True)
    grid = Grid(0.0, 1e-6, 5000)
    found = load(SINE, DIODE, SMOOTHED).sample(SCOPE, grid).voltages
    assert found == pytest.approx(np.interp(grid.times, times, volts), abs=1e-3 * PEAK)
