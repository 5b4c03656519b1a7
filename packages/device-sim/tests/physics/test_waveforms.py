"""All points of a waveform, computed together, are those that single measurements see."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from device_sim.bench import Bench, Grid, Input, Output
from device_sim.clock import ManualClock
from exact_bench import EXACT

WIRING = """
[[connect]]
channel = "SMU1/0"
hi = "in"

[[connect]]
channel = "SCOPE1/0"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "in"
b = "middle"
value = 1000.0

[[part]]
name = "C1"
kind = "capacitor"
a = "middle"
b = "GND"
value = 1e-6

[[part]]
name = "R2"
kind = "resistor"
a = "middle"
b = "out"
value = 2200.0

[[part]]
name = "C2"
kind = "capacitor"
a = "out"
b = "GND"
value = 0.22e-6
"""
RIPPLE = """
[[part]]
name = "V1"
kind = "source"
a = "ripple"
b = "GND"
voltage = 0.5
resistance = 100.0
amplitude = 0.3
frequency = 777.0

[[part]]
name = "R3"
kind = "resistor"
a = "ripple"
b = "out"
value = 5000.0
"""
DIODE = """
[[part]]
name = "D1"
kind = "diode"
a = "out"
b = "GND"
"""
WITHOUT_CAPACITORS = """
[[connect]]
channel = "SCOPE1/0"
hi = "out"
""" + RIPPLE.replace('"ripple"\nb = "out"', '"ripple"\nb = "GND"').replace(
    'a = "ripple"', 'a = "out"'
)


def driven(bench_file, content: str) -> Bench:
    """Return a bench on which a limited source is switched on at 1 ms, and changed at 4 ms."""
    clock = ManualClock()
    bench = Bench.load(bench_file(EXACT + content), clock)
    bench.drive("SCOPE1/0", Input(1e6), 0.0)
    bench.drive("SMU1/0", Output("voltage", 5.0, -2e-3, 2e-3), 1e-3)
    bench.drive("SMU1/0", Output("voltage", -1.0, -2e-3, 2e-3), 4e-3)
    clock.advance(0.02)
    return bench


@pytest.mark.parametrize(
    "content",
    [WIRING, WIRING + RIPPLE, WITHOUT_CAPACITORS, WITHOUT_CAPACITORS + DIODE, WIRING + DIODE],
    ids=["capacitors", "ripple", "no capacitors", "diode", "slow"],
)
def test_points_agree_with_single_measurements(bench_file, content):
    bench = driven(bench_file, content)
    grid = Grid(0.0, 0.5e-3, 41)  # also at both changes
    together = bench.sample("SCOPE1/0", grid)
    alone = [bench.measure("SCOPE1/0", t, t) for t in grid.times]
    assert together.voltages == pytest.approx([each.voltage for each in alone], abs=1e-8)
    assert together.currents == pytest.approx([each.current for each in alone], abs=1e-8)
    assert np.ptp(together.voltages) > 0.45  # a diode clips the sine


def test_changes_are_those_between_two_times(bench_file):
    bench = driven(bench_file, WIRING)
    assert bench.changes("SCOPE1/0", 0.5e-3, 0.02) == [1e-3, 4e-3]
    assert bench.changes("SCOPE1/0", 1e-3, 4e-3) == []


def test_a_channel_with_a_broken_wire_reads_nothing(bench_file):
    bench = driven(bench_file, WIRING)
    bench.disconnect("SCOPE1/0")
    later = bench.sample("SCOPE1/0", Grid(0.01, 0.01, 2)).voltages
    assert abs(later[0]) > 0.1
    assert later[1] == 0.0


def test_forty_thousand_points_take_far_less_than_single_measurements(bench_file):
    """On a quiet machine they take some 20 ms, and each single measurement about 1 ms."""
    bench = driven(bench_file, WIRING)
    grid = Grid.over(0.0, 0.02, 40_000)
    begin = time.perf_counter()
    volts = bench.sample("SCOPE1/0", grid).voltages
    together = time.perf_counter() - begin
    begin = time.perf_counter()
    for moment in grid.times[::400]:
        bench.measure("SCOPE1/0", float(moment), float(moment))
    hundred = time.perf_counter() - begin
    assert together < 40 * hundred
    assert math.isfinite(volts.sum())
