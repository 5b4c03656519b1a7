"""Laws that hold on any bench: power balance, limits, and time that can be divided anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from device_sim.bench.circuit import Circuit
from device_sim.bench.course import Course
from device_sim.bench.parts import Connection, Output, Part
from hypothesis import example, given, settings
from hypothesis import strategies as st

NETS = ["GND", "a", "b", "c", "d"]

ohms = st.floats(1.0, 1e6)
net_pairs = st.tuples(st.sampled_from(NETS), st.sampled_from(NETS))
resistors = st.lists(st.tuples(net_pairs, ohms), max_size=10).map(
    lambda rows: [Part(f"R{n}", "resistor", nets, {"value": v}) for n, (nets, v) in enumerate(rows)]
)
capacitors = st.lists(
    st.tuples(net_pairs.filter(lambda p: p[0] != p[1]), st.floats(1e-9, 1e-5)),
    min_size=1,
    max_size=3,
).map(
    lambda rows: [
        Part(f"C{n}", "capacitor", nets, {"value": v}) for n, (nets, v) in enumerate(rows)
    ]
)
diodes = st.lists(net_pairs.filter(lambda p: p[0] != p[1]), max_size=2).map(
    lambda rows: [Part(f"D{n}", "diode", nets) for n, nets in enumerate(rows)]
)
outputs = st.builds(
    lambda quantity, level, limit: Output(quantity, level, -limit, limit),
    st.sampled_from(["voltage", "current"]),
    st.floats(-10.0, 10.0).map(lambda level: round(level, 3)),
    st.floats(0.001, 10.0),
)
grounded = st.sampled_from(NETS[1:]).map(lambda net: [(net, "GND")])
wiring = st.lists(net_pairs.filter(lambda p: p[0] != p[1]), min_size=1, max_size=2)


def circuit_of(parts, wires, terminals) -> Circuit:
    connections = {f"smu/{n}": Connection(*nets) for n, nets in enumerate(wires)}
    return Circuit(parts, connections, dict(zip(connections, terminals, strict=False)), "GND", 0.0)


@settings(deadline=None)
@given(parts=resistors, wires=wiring, terminals=st.tuples(outputs, outputs))
@example(  # an output of 0 A into an open circuit, beyond its limit of 1 V
    parts=[Part("R0", "resistor", ("GND", "b"), {"value": 2.0})],
    wires=[("a", "b"), ("GND", "b")],
    terminals=(
        Output(quantity="current", level=0.0, low=-1.0, high=1.0),
        Output(quantity="voltage", level=1.891, low=-1.0, high=1.0),
    ),
)
def test_resistors_dissipate_the_power_that_outputs_deliver(parts, wires, terminals):
    circuit = circuit_of(parts, wires, terminals)
    x = circuit.solve(np.zeros(0), np.zeros(0)).observed
    delivered = [circuit.voltage(x, name) * circuit.current(x, name) for name in circuit.terminals]
    burnt = [
        float(circuit.nodes.across(x, part.nets)) ** 2 / part.values["value"] for part in parts
    ]
    scale = max(map(abs, delivered + burnt), default=0.0)
    assert sum(delivered) == pytest.approx(sum(burnt), rel=1e-6, abs=1e-6 * scale + 1e-9)


@settings(deadline=None, max_examples=50)
@given(parts=st.tuples(resistors, diodes).map(lambda p: p[0] + p[1]), wires=grounded, out=outputs)
def test_an_output_never_leaves_its_limits(parts, wires, out):
    circuit = circuit_of(parts, wires[:1], [out])
    x = circuit.solve(np.zeros(0), np.zeros(0)).observed
    voltage, current = circuit.voltage(x, "smu/0"), circuit.current(x, "smu/0")
    regulated, limited = (voltage, current) if out.quantity == "voltage" else (current, voltage)
    slack = 1e-6 * max(abs(out.high), 1e-3)
    assert out.low - slack <= limited <= out.high + slack
    if out.low + slack < limited < out.high - slack:
        assert regulated == pytest.approx(out.level, rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(
    parts=st.tuples(resistors, capacitors).map(lambda p: p[0] + p[1]),
    wires=wiring,
    out=outputs,
    begin=st.floats(1e-6, 0.1),
    share=st.floats(0.1, 0.9),
)
def test_time_can_be_cut_anywhere(parts, wires, out, begin, share):
    circuit = circuit_of(parts, wires[:1], [out])
    start = np.zeros(len(circuit.states))
    whole, halves = Course(circuit, start), Course(circuit, start)
    middle = begin * (1.0 + share)
    direct = whole.states(2.0 * begin)
    halves.states(middle)
    assert halves.states(2.0 * begin) == pytest.approx(direct, rel=1e-6, abs=1e-6)
    first = Course(circuit, start).mean(begin, middle)
    second = Course(circuit, start).mean(middle, 2.0 * begin)
    together = Course(circuit, start).mean(begin, 2.0 * begin)
    assert share * first + (1 - share) * second == pytest.approx(together, rel=1e-5, abs=1e-5)
