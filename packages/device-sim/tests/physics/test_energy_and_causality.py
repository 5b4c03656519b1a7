"""Energy is kept in any ladder, and nobody sees another history than anybody else."""

from __future__ import annotations

import numpy as np
import pytest
from bench_text import channel, part
from device_sim.bench import Bench, Grid, Input, Output, Sine
from device_sim.bench.circuit import Circuit
from device_sim.bench.course import Course
from device_sim.bench.parts import Connection, Part
from device_sim.clock import ManualClock
from exact_bench import EXACT
from hypothesis import given, settings
from hypothesis import strategies as st

ohms = st.floats(10.0, 1e3)
farads, henries = st.floats(1e-8, 1e-6), st.floats(1e-5, 1e-3)
rungs = st.lists(
    st.tuples(ohms, st.sampled_from(["capacitor", "inductor", "both"]), farads, henries, ohms),
    min_size=1,
    max_size=3,
)


def ladder(rows) -> list[Part]:
    """Return resistors in series, with a capacitor or an inductor (and a resistor) to ground."""
    parts, left = [], "in"
    for n, (series, kind, capacitance, inductance, parallel) in enumerate(rows):
        right = f"n{n}"
        parts.append(Part(f"R{n}", "resistor", (left, right), {"value": series}))
        if kind != "inductor":
            parts.append(Part(f"C{n}", "capacitor", (right, "GND"), {"value": capacitance}))
        if kind != "capacitor":
            parts.append(Part(f"L{n}", "inductor", (right, f"l{n}"), {"value": inductance}))
            parts.append(Part(f"P{n}", "resistor", (f"l{n}", "GND"), {"value": parallel}))
        left = right
    return parts


@settings(deadline=None, max_examples=25)
@given(rows=rungs, hertz=st.floats(100.0, 5e3))
def test_a_ladder_stores_what_it_gets_and_does_not_burn(rows, hertz):
    parts = ladder(rows)
    output = Output("voltage", 1.0, -10.0, 10.0, 0.0, Sine(hertz, 0.7, 20.0))
    circuit = Circuit(parts, {"smu/0": Connection("in", "GND")}, {"smu/0": output}, "GND", 0.0)
    course = Course(circuit, np.zeros(len(circuit.states)))
    grid = Grid.over(1e-4, 1.1e-3, 20_001)  # the fastest modes have settled
    observed = course.values(grid, lambda values: values)
    states = np.array([course.states(grid.begin), course.states(grid.end)])
    stored = (circuit.storage * states**2 / 2.0).sum(axis=1)
    power = circuit.voltage(observed, "smu/0") * circuit.current(observed, "smu/0")
    burnt = sum(
        circuit.nodes.across(observed, each.nets) ** 2 / each.values["value"]
        for each in parts
        if each.kind == "resistor"
    )
    gained = simpson(power - burnt, grid.spacing)
    scale = simpson(abs(power), grid.spacing) + stored.max()
    # The series resistances of a milliohm burn the rest.
    assert stored[1] - stored[0] == pytest.approx(gained, abs=2e-4 * scale)


def simpson(values: np.ndarray, spacing: float) -> float:
    inner = 4.0 * values[1:-1:2].sum() + 2.0 * values[2:-2:2].sum()
    return float((values[0] + inner + values[-1]) * spacing / 3.0)


BENCH = (
    EXACT
    + channel("SMU1/0", "in")
    + channel("SCOPE1/0", "out")
    + channel("DMM1/0", "in")
    + part("V1", "square", "in", "GND", amplitude=2.0, frequency=3e3, resistance=100.0)
    + part("R1", "resistor", "in", "out", value=1000.0)
    + part("L1", "inductor", "in", "out", value=1e-3)
    + part("C1", "capacitor", "out", "GND", value=1e-7)
)
WITH_DIODE = BENCH + part("D1", "diode", "out", "GND")
times = st.floats(0.0, 2.9e-3)
questions = st.lists(
    st.tuples(st.sampled_from(["SCOPE1/0", "DMM1/0"]), times, st.floats(0.0, 1e-4)),
    min_size=2,
    max_size=6,
)


@pytest.mark.parametrize(
    ("text", "examples"), [(BENCH, 30), (WITH_DIODE, 5)], ids=["linear", "diode"]
)
def test_what_is_read_does_not_depend_on_who_reads_first(bench_file, text, examples):
    path = bench_file(text)

    def answers(asked) -> dict[tuple[str, float, float], float]:
        bench = Bench.load(path, clock := ManualClock())
        bench.drive("SCOPE1/0", Input(1e6, 20e-12), 0.0)
        bench.drive("SMU1/0", Output("voltage", 3.0, -2e-3, 2e-3), 0.4e-3)
        bench.drive("SMU1/0", Output("current", 1e-3, -5.0, 5.0), 1.3e-3)
        clock.advance(3e-3)
        return {
            (name, begin, length): bench.measure(name, begin, begin + length).voltage
            if length > 5e-5
            else float(bench.sample(name, Grid(begin, length / 7.0 + 1e-9, 8)).voltages[-1])
            for name, begin, length in asked
        }

    @settings(deadline=None, max_examples=examples)
    @given(questions)
    def check(asked):
        forwards, backwards = answers(asked), answers(asked[::-1])
        assert forwards == pytest.approx(backwards, rel=1e-9, abs=1e-9)

    check()
