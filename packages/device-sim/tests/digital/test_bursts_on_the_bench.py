"""A pattern drives nets, and fails where and when a net is not as it expects."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bench_text import part
from device_sim.bench import Bench
from device_sim.drivers.nidigital.levels import DriveFormat, Edges, Levels, Termination, TimeSet
from device_sim.drivers.nidigital.pattern import Instruction, Opcode, PinState
from device_sim.drivers.nidigital.results import (
    CyclesToAcquire,
    HistorySettings,
    HistoryTrigger,
)
from digital_bench import PERIOD, STROBED, DigitalBench, pattern, pins, states_of
from exact_bench import EXACT

ALL = HistorySettings(cycles_to_acquire=CyclesToAcquire.ALL)
LOADED = Levels(termination=Termination.ACTIVE_LOAD, vcom=1.5, iol=1e-3, ioh=-1e-3)


@pytest.fixture
def made(bench_file):
    def make(content: str, count: int, **options) -> DigitalBench:
        return DigitalBench.load(bench_file(content + EXACT), count, **options)

    return make


@pytest.fixture
def looped(made):
    """Return two wires, each with a pin at both ends."""
    return made(pins("one", "one", "two", "two"), 4)


# What passes, and what fails.


def test_a_pattern_passes_where_the_nets_do_what_it_expects(looped):
    result = looped.run(pattern("abcd", ["0L1H", "1H0L", "1V0X", "XXXX"]))

    assert result.passed
    assert result.fail_counts == {"a": 0, "b": 0, "c": 0, "d": 0}
    assert result.history(HistorySettings()) == []


def test_a_failure_names_its_vector_its_cycle_and_its_pin(looped):
    result = looped.run(
        pattern(
            "abcd",
            ["0L1H", "1H0L", "1L0L"],
            instructions={0: Instruction(Opcode.REPEAT, 5), 2: Instruction(Opcode.HALT)},
        )
    )

    assert result.fail_counts == {"a": 0, "b": 1, "c": 0, "d": 0}
    (failed,) = result.history(HistorySettings())
    assert (failed.pattern, failed.time_set) == ("pattern", "t")
    assert (failed.vector, failed.cycle, failed.scan_cycle) == (2, 6, -1)
    assert failed.expected.tolist() == states_of(["1L0L"])[0].tolist()
    assert failed.actual.tolist() == states_of(["HHLL"])[0].tolist()
    assert failed.passed.tolist() == [[True, False, True, True]]


@pytest.mark.parametrize(
    ("volts", "passing"), [(0.0, "LVX"), (1.65, "MX"), (3.3, "HVX")], ids=["low", "mid", "high"]
)
def test_each_state_passes_in_its_own_region_of_volts(made, volts, passing):
    bench = made(pins("net") + part("V", "source", "net", "GND", voltage=volts, resistance=1.0), 1)

    passed = [state for state in "LHMVX" if bench.run(pattern("a", [state])).passed]

    assert sorted(passed) == sorted(passing)


def test_an_open_wire_fails_at_each_comparison_of_its_pin(looped):
    looped.bench.disconnect("D1/1")

    result = looped.run(pattern("abcd", ["1H1H", "0L0L", "1H1H"]))

    assert result.failed[:, 0, :].tolist() == [
        [False, True, False, False],
        [False, False, False, False],
        [False, True, False, False],
    ]


def test_a_wire_that_breaks_during_a_burst_fails_from_that_cycle_on(looped):
    looped.bench.disconnect("D1/1", after=2.5 * PERIOD)

    result = looped.run(pattern("abcd", ["1HXX"] * 4))

    assert result.failed[:, 0, 1].tolist() == [False, False, True, True]


def test_a_masked_pin_does_not_fail(looped):
    looped.electronics[0, 1].is_masked = True

    result = looped.run(pattern("abcd", ["1L1L"]))

    assert result.fail_counts == {"a": 0, "b": 0, "c": 0, "d": 1}
    assert result.actual[0, 0].tolist() == states_of(["HHHH"])[0, 0].tolist()


def test_sites_are_compared_each_on_its_own(made):
    bench = made(pins("s0", "s0", "s1", "s1"), 2, sites=(0, 1))
    bench.bench.disconnect("D1/3")

    burst = bench.begin(pattern("ab", ["1H", "0L"]))
    bench.finish(burst)

    assert {site: result.passed for site, result in burst.results.items()} == {0: True, 1: False}


def test_a_pin_that_is_not_wired_passes(made):
    bench = made(pins("net", "net"), 2)
    burst = bench.begin(pattern("ab", ["1L"]))
    assert not bench.finish(burst).passed
    del bench.electronics[0, 1]

    assert bench.run(pattern("ab", ["1L"])).passed


# What a pin drives, and when.


@pytest.mark.parametrize(
    ("drive_format", "levels"),
    [
        (DriveFormat.NR, [0.0, 3.3, 3.3, 3.3, 0.0, 0.0]),
        (DriveFormat.RL, [0.0, 3.3, 0.0, 0.0, 0.0, 0.0]),
        (DriveFormat.RH, [3.3, 3.3, 3.3, 3.3, 0.0, 3.3]),
        (DriveFormat.SBC, [0.0, 3.3, 0.0, 3.3, 0.0, 3.3]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_drive_format_has_its_levels_before_at_and_after_the_data(made, drive_format, levels):
    bench = made(pins("net"), 1)
    edges = Edges(drive_format, data=0.25 * PERIOD, returns=0.75 * PERIOD, off=PERIOD)
    # The first cycle drives its data from the edge `on` on, if nothing was driven before.
    first = 3.3 if drive_format is DriveFormat.NR else levels[0]

    bench.run(pattern("a", ["1", "0"]), {0: edges})

    times = [(cycle + part) * PERIOD for cycle in (0, 1) for part in (0.125, 0.5, 0.875)]
    assert bench.volts(0, times) == pytest.approx([first, *levels[1:]], abs=1e-6)


def test_edges_come_at_their_exact_times(made):
    bench = made(pins("net"), 1)
    edges = Edges(data=123.4e-9, off=PERIOD)

    bench.run(pattern("a", ["0", "1", "0"]), {0: edges})

    rises, falls = PERIOD + 123.4e-9, 2 * PERIOD + 123.4e-9
    around = [rises - 1e-12, rises, falls - 1e-12, falls]
    assert bench.volts(0, around) == pytest.approx([0.0, 3.3, 3.3, 0.0], abs=1e-6)


def test_a_second_dut_cycle_has_its_own_edges_and_strobe(looped):
    double = Edges(
        DriveFormat.RL,
        data=0.1 * PERIOD,
        returns=0.4 * PERIOD,
        strobe=0.3 * PERIOD,
        data2=0.6 * PERIOD,
        returns2=0.9 * PERIOD,
        strobe2=0.8 * PERIOD,
        off=PERIOD,
        multiplier=2,
    )
    states = np.concatenate([states_of(["1HXX"]), states_of(["0LXX"])], axis=1)

    result = looped.run(pattern("abcd", ["1HXX"], states=states), dict.fromkeys(range(4), double))

    assert result.passed
    (cycle,) = result.history(replace(ALL, trigger=HistoryTrigger.CYCLE_NUMBER))
    assert cycle.expected.tolist() == states[0].tolist()
    assert cycle.actual[:, 1].tolist() == [PinState.H, PinState.L]


def test_a_driver_is_50_ohms(made):
    bench = made(pins("net") + part("R", "resistor", "net", "GND", value=50.0), 1)

    bench.run(pattern("a", ["1"]))

    assert bench.volts(0, [0.5 * PERIOD]) == pytest.approx([1.65], rel=1e-6)


def test_a_pin_stops_to_drive_before_a_state_that_is_not_driven(made):
    bench = made(pins("net") + part("R", "resistor", "net", "GND", value=1e3), 1)

    bench.run(pattern("a", ["1", "X", "1", "L"]), {0: replace(STROBED, off=0.5 * PERIOD)})

    times = [(half + 0.5) * PERIOD / 2.0 for half in range(8)]
    driven = 3.3 * 1e3 / 1050.0
    expected = [driven, 0.0, 0.0, 0.0, driven, 0.0, 0.0, 0.0]
    assert bench.volts(0, times) == pytest.approx(expected, abs=1e-5)


def test_a_pin_goes_on_to_drive_after_the_burst_and_into_the_next_one(looped):
    looped.run(pattern("abcd", ["1HXX"]))
    looped.clock.advance(1.0)
    assert looped.electronics[0, 1].read(looped.clock.now()) is PinState.H

    result = looped.run(pattern("abcd", ["XXXX", "XLXX"]))

    assert result.passed


# Terminations.


def test_a_terminated_pin_pulls_to_its_voltage_behind_50_ohms(made):
    bench = made(pins("net", "net"), 2)
    levels = Levels(vterm=1.0, termination=Termination.VTERM, vol=0.6, voh=2.0)
    bench.electronics[0, 1].levels = levels

    result = bench.run(pattern("ab", ["1H", "0L", "XM"]))

    strobes = [(cycle + 0.75) * PERIOD for cycle in range(3)]
    assert bench.volts(1, strobes) == pytest.approx([2.15, 0.5, 1.0], rel=1e-6)
    assert result.passed


def test_an_active_load_sinks_and_sources_its_currents(made):
    bench = made(pins("a", "b") + part("R", "resistor", "a", "b", value=950.0), 2)
    bench.electronics[0, 1].levels = LOADED

    bench.run(pattern("ab", ["0X", "1X"] * 20))

    strobes = [(cycle + 0.75) * PERIOD for cycle in range(40)]
    assert bench.volts(1, strobes) == pytest.approx([1.0, 2.3] * 20, rel=1e-6)


def test_an_active_load_holds_its_voltage_where_its_currents_suffice(made):
    bench = made(pins("a", "b") + part("R", "resistor", "a", "b", value=10e3), 2)
    bench.electronics[0, 1].levels = LOADED

    bench.run(pattern("ab", ["0X", "1X"] * 3))

    assert bench.volts(1, [k * PERIOD for k in range(1, 6)]) == pytest.approx([1.5] * 5, rel=1e-6)


def test_an_active_load_with_a_capacitor_follows_its_closed_form(made):
    content = part("R", "resistor", "a", "b", value=950.0)
    content += part("C", "capacitor", "b", "GND", value=0.1e-9, esr=1e-6)
    bench = made(pins("a", "b") + content, 2)
    bench.electronics[0, 1].levels = replace(LOADED, vcom=1.65)

    bench.run(pattern("ab", ["0X"] * 10 + ["1X"]))

    # From 1 V, with a source of 3.3 V behind 1 kΩ and 1 mA: towards 4.3 V up to 1.65 V; then
    # with -1 mA towards 2.3 V.
    tau, begin = 1e3 * 0.1e-9, 10 * PERIOD
    crossing = tau * math.log((4.3 - 1.0) / (4.3 - 1.65))
    times = np.array([0.5 * crossing, crossing + 0.5 * tau, crossing + 2.0 * tau])
    first = 4.3 - 3.3 * math.exp(-times[0] / tau)
    rest = 2.3 - (2.3 - 1.65) * np.exp(-(times[1:] - crossing) / tau)
    assert bench.volts(1, begin + times) == pytest.approx([first, *rest], rel=1e-5)


def test_a_strobe_sees_a_slow_net_at_its_own_time(made):
    content = part("R", "resistor", "a", "b", value=950.0)
    content += part("C", "capacitor", "b", "GND", value=0.3e-9, esr=1e-6)
    bench = made(pins("a", "b") + content, 2)
    reaches = 1e3 * 0.3e-9 * math.log(3.3 / (3.3 - 1.7))  # V(voh) after the edge

    early = bench.run(pattern("ab", ["0X"] * 9 + ["1L"]), {1: Edges(strobe=0.5 * reaches)})
    assert not bench.run(
        pattern("ab", ["0X"] * 9 + ["1H"]), {1: Edges(strobe=0.99 * reaches)}
    ).passed
    late = bench.run(pattern("ab", ["0X"] * 9 + ["1H"]), {1: Edges(strobe=1.01 * reaches)})

    assert early.passed and late.passed


# History RAM.


def test_the_history_keeps_what_its_settings_say(looped):
    rows = ["0LXX", "1HXX", "1LXX", "0LXX", "0HXX", "1HXX"]
    result = looped.run(pattern("abcd", rows, labels={"pattern": 0, "here": 1}))

    def cycles(**settings) -> list[int]:
        return [each.cycle for each in result.history(HistorySettings(**settings))]

    everything = {"cycles_to_acquire": CyclesToAcquire.ALL}
    number = {"trigger": HistoryTrigger.CYCLE_NUMBER, **everything}
    label = {"trigger": HistoryTrigger.PATTERN_LABEL, "label": "here", **everything}
    assert cycles() == [2, 4]
    assert cycles(**everything) == [2, 3, 4, 5]
    assert cycles(**everything, pretrigger_samples=2) == [0, 1, 2, 3, 4, 5]
    assert cycles(**everything, max_samples=2) == [2, 3]
    assert cycles(**number, cycle_number=4) == [4, 5]
    assert cycles(**number, cycle_number=9) == []
    assert cycles(**label) == [1, 2, 3, 4, 5]
    assert cycles(**label, vector_offset=2, cycle_offset=1) == [4, 5]
    assert cycles(**{**label, "label": "nowhere"}) == []


def test_scans_repeats_and_loops_are_told_apart_by_their_cycles(looped):
    result = looped.run(
        pattern(
            "abcd",
            ["0LXX", "XXXX", "1HXX", "0HXX"],
            instructions={
                0: Instruction(Opcode.SET_LOOP, 2),
                1: Instruction(Opcode.SCAN),
                2: Instruction(Opcode.END_LOOP, 1),
                3: Instruction(Opcode.HALT),
            },
            scans={1: states_of(["1HXX", "0LXX"])},
        )
    )

    history = result.history(replace(ALL, trigger=HistoryTrigger.CYCLE_NUMBER))
    assert [each.vector for each in history] == [0, 1, 1, 2, 1, 1, 2, 3]
    assert [each.scan_cycle for each in history] == [-1, 0, 1, -1, 0, 1, -1, -1]
    assert [each.passed.all() for each in history] == [True] * 7 + [False]
    assert history[1].expected.tolist() == states_of(["1HXX"])[0].tolist()


def test_time_sets_have_periods_of_their_own(looped):
    slow = TimeSet("slow", 3.0 * PERIOD, dict.fromkeys((f"D1/{n}" for n in range(4)), STROBED))
    burst = looped.begin(
        pattern(
            "abcd",
            ["0LXX", "1HXX", "0LXX"],
            time_sets=("t", "slow"),
            time_set_of=np.array([0, 1, 0]),
        ),
        slow=slow,
    )

    result = looped.finish(burst)

    assert result.passed
    assert burst.end == pytest.approx(5.0 * PERIOD)
    named = replace(ALL, trigger=HistoryTrigger.CYCLE_NUMBER)
    assert [each.time_set for each in result.history(named)] == ["t", "slow", "t"]


# Time.


def test_a_burst_does_not_depend_on_who_looks_meanwhile(made):
    content = part("R", "resistor", "a", "b", value=950.0)
    content += part("C", "capacitor", "b", "GND", value=0.3e-9, esr=1e-6)
    rows = [f"{bit}{'LH'[int(bit)]}" for bit in "0110100110010110" * 20]

    def actual(looks: int) -> list:
        bench = made(pins("a", "b") + content, 2)
        burst = bench.begin(pattern("ab", rows))
        for _ in range(looks):
            bench.clock.advance(burst.end / looks / 1.5)
            bench.bench.read_nets("b")
        return bench.finish(burst).actual.tolist()

    assert actual(0) == actual(7)


def test_a_burst_that_is_stopped_leaves_its_pins_as_they_are(looped):
    burst = looped.begin(pattern("abcd", ["1X0X", "0X1X"] * 10))
    looped.clock.advance(2.5 * PERIOD)
    looped.bench.timeline.advance(looped.clock.now())

    burst.stop(looped.clock.now())
    looped.clock.advance(7 * PERIOD)

    now = looped.clock.now()
    assert burst.is_done
    assert [looped.electronics[0, pin].read(now) for pin in (1, 3)] == [PinState.H, PinState.L]


def test_the_circuit_changes_only_where_a_pin_begins_or_ceases_to_drive(looped, monkeypatch):
    changes = []
    drive_all = Bench.drive_all
    monkeypatch.setattr(
        Bench, "drive_all", lambda self, *args: (changes.append(args), drive_all(self, *args))
    )

    result = looped.run(pattern("abcd", ["0L1H", "1H0L"] * 2500))

    assert result.passed
    assert len(changes) < 10


def test_pins_that_cease_to_drive_all_the_time_are_compared_in_every_cycle(made):
    nets = [f"net{number // 2}" for number in range(16)]
    bench = made(pins(*nets), 16)
    edges = {
        pin: replace(STROBED, on=pin * 1e-8, data=pin * 1e-8, off=(0.8 + pin / 100.0) * PERIOD)
        for pin in range(16)
    }
    rows = ["0L" * 8, "H1" * 8] * 150  # the two ends of each wire drive in turn
    rows[3] = "L1" + "H1" * 7

    result = bench.run(pattern("abcdefghijklmnop", rows), edges)

    assert np.argwhere(result.failed).tolist() == [[3, 0, 0]]


def test_a_pattern_with_too_many_cycles_is_refused(looped):
    endless = pattern("abcd", ["XXXX"], instructions={0: Instruction(Opcode.REPEAT, 2**21)})

    with pytest.raises(ValueError, match="more than 1048576 cycles"):
        looped.begin(endless)


def test_a_pattern_with_too_many_comparisons_is_refused(made):
    many = made(pins(*"abcdefgh"), 8)
    repeated = pattern("abcdefgh", ["X" * 8], instructions={0: Instruction(Opcode.REPEAT, 2**20)})

    with pytest.raises(ValueError, match="1048576 cycles on 8 wired pins"):
        many.begin(repeated)
