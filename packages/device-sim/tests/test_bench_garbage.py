"""Any content of a bench file gives a bench or an error that names the problem."""

from __future__ import annotations

import contextlib

from device_sim import BenchError, ManualClock
from device_sim.bench import Bench
from device_sim.bench.netlist import parse_netlist
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = {
    "ground": "GND",
    "sites": [0, 1],
    "readings": {"noise": True, "seed": 1},
    "instruments": {"SMU1": {"model": "4141"}},
    "connect": [{"channel": "SMU1/{site}", "hi": "net{site}"}],
    "part": [
        {"name": "R{site}", "kind": "resistor", "a": "net{site}", "b": "GND", "value": 1.0},
        {"name": "K{site}", "kind": "relay", "a": "net{site}", "b": "GND", "coil": "net{site}"},
    ],
    "fault": [
        {"kind": "drift", "part": "R{site}", "rate": [0.1, 0.2]},
        {"kind": "open", "channel": "SMU1/{site}", "after": 1.0, "lasting": 2.0},
    ],
}
KINDS = ["resistor", "open", "short", "capacitor", "inductor", "diode", "source", "drift", "relay"]
NEW_KEYS = ["value", "drift", "esr", "frequency", "lo", "x", "after", "lasting", "coil", "travel"]

scalars = st.one_of(
    st.sampled_from(["{site}", "", "GND", "R0", "SMU1/0", *KINDS]),
    st.text(max_size=5),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.booleans(),
    st.dates(),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, object]:
    """Draw a good bench in which something was replaced, removed or added."""

    def damage(content: object, depth: int) -> object:
        if depth == 0 or not isinstance(content, (dict, list)) or not content:
            return draw(anything)
        copy = content.copy()
        key = draw(st.sampled_from(range(len(copy)) if isinstance(copy, list) else sorted(copy)))
        if isinstance(copy, dict) and draw(st.booleans()):
            new_key = draw(st.sampled_from(NEW_KEYS))
            copy[new_key] = draw(anything)
        elif isinstance(copy, dict) and draw(st.booleans()):
            del copy[key]
        else:
            copy[key] = damage(copy[key], depth - 1)
        return copy

    result = damage(GOOD, draw(st.integers(1, 3)))
    assert isinstance(result, dict)
    return result


@settings(deadline=None, max_examples=300)
@given(damaged())
def test_a_damaged_bench_file_never_ends_in_anything_but_a_bench_error(content):
    with contextlib.suppress(BenchError):
        Bench(ManualClock(), parse_netlist(content))


def test_the_bench_that_is_damaged_there_is_good():
    assert Bench(ManualClock(), parse_netlist(GOOD)).parts["R1"]["drift"] == 0.2
