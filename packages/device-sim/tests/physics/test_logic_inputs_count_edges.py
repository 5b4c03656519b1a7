"""A logic input finds each edge of its net, however fast it is and however seldom it is asked."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from device_sim.bench import Bench, Output
from device_sim.bench.netlist import parse_netlist
from device_sim.bench.waves import Sine, square
from device_sim.clock import ManualClock

HIGH_FROM, LOW_TO = 2.0, 0.8


def bench_with(*parts: dict[str, object]) -> tuple[Bench, ManualClock]:
    """Return a bench whose generator drives the net of a counter's input."""
    content = {
        "connect": [
            {"channel": "FGEN1/0", "hi": "in"},
            {"channel": "Dev1/PFI8", "hi": "out" if parts else "in"},
        ],
        "part": list(parts),
    }
    clock = ManualClock()
    return Bench(clock, parse_netlist(content)), clock


def driven(level: float, wave: object = None) -> Output:
    return Output("voltage", level, -math.inf, math.inf, 50.0, wave)  # type: ignore[arg-type]


@pytest.mark.parametrize("frequency", [7.0, 1e3, 123_456.7, 1e6, 40e6])
def test_edges_of_a_square_are_counted_exactly(frequency: float) -> None:
    bench, _ = bench_with()
    bench.drive("FGEN1/0", driven(0.0, square(0.0, 5.0, frequency, begin=0.1)), 0.0)
    counter = bench.logic_input("Dev1/PFI8", 0.1 + 0.25 / frequency)
    assert counter.count(0.1 + 0.75 / frequency, rising=False) == 1
    counted = 0
    for seconds in (0.3, 0.31, 2.0):
        periods = math.floor(seconds * frequency)
        counted += counter.count(0.1 + (periods + 0.75) / frequency, rising=True)
        assert counted == periods


def test_a_long_time_of_a_fast_square_takes_no_long_time_to_count() -> None:
    bench, _ = bench_with()
    bench.drive("FGEN1/0", driven(0.0, square(0.0, 5.0, 10e6)), 0.0)
    counter = bench.logic_input("Dev1/PFI8", 0.25e-7)
    began = time.process_time()
    assert counter.count(2.0 + 0.25e-7, rising=True) == 20_000_000
    assert time.process_time() - began < 5.0


def test_edges_come_one_by_one_with_their_times() -> None:
    bench, _ = bench_with()
    bench.drive("FGEN1/0", driven(0.0, square(0.0, 5.0, 1e3, duty=0.3)), 0.0)
    counter = bench.logic_input("Dev1/PFI8", 1e-4)
    first = counter.take(3, 1.35e-3)
    assert [edge.rising for edge in first] == [False, True, False]
    assert [edge.at for edge in first] == pytest.approx([0.3e-3, 1e-3, 1.3e-3], abs=2e-10)
    assert counter.take(2, 2.1e-3)[0].at == pytest.approx(2e-3, abs=2e-10)
    assert counter.take(5, 2.2e-3) == []
    assert counter.count(10.25e-3, rising=True) == 8
    assert counter.take(10, 10.35e-3)[0].rising is False


def test_a_slow_sine_crosses_the_thresholds_of_ttl() -> None:
    bench, _ = bench_with()
    wave = Sine(10.0, 2.0, -90.0)  # 2.83 V · sin
    bench.drive("FGEN1/0", driven(0.0, wave), 0.0)
    counter = bench.logic_input("Dev1/PFI8", 0.0)
    rising, falling = counter.take(2, 1.0)
    peak = math.sqrt(2.0) * 2.0
    assert rising.at == pytest.approx(math.asin(HIGH_FROM / peak) / (20.0 * math.pi), abs=1e-9)
    down = 0.05 - math.asin(LOW_TO / peak) / (20.0 * math.pi)
    assert falling.at == pytest.approx(down, abs=1e-9)


def test_a_signal_between_the_thresholds_has_no_edges() -> None:
    bench, _ = bench_with()
    bench.drive("FGEN1/0", driven(1.4, Sine(100.0, 0.35, 0.0)), 0.0)
    assert bench.logic_input("Dev1/PFI8", 0.0).take(1, 5.0) == []


def test_a_net_that_charges_slowly_is_counted_from_the_cycle_in_which_it_crosses() -> None:
    """Cycles that differ by little are not taken for a signal that repeats itself."""
    parts = (
        {"name": "R1", "kind": "resistor", "a": "in", "b": "out", "value": 1e6 - 50.0},
        {"name": "C1", "kind": "capacitor", "a": "out", "b": "GND", "value": 1e-6},
    )
    bench, _ = bench_with(*parts)
    # The mean of 2.5 V comes with 1 s; the ripple is some millivolts.
    bench.drive("FGEN1/0", driven(0.0, square(0.0, 5.0, 1e3)), 0.0)
    (edge,) = bench.logic_input("Dev1/PFI8", 0.0).take(5, 30.0)
    assert edge.at == pytest.approx(math.log(2.5 / 0.5), rel=2e-3)


def test_changes_of_the_bench_are_edges_too() -> None:
    bench, clock = bench_with()
    counter = bench.logic_input("Dev1/PFI8", 0.0)
    for number in range(6):
        clock.advance(0.01)
        bench.drive("FGEN1/0", driven(5.0 if number % 2 == 0 else 0.0), clock.now())
    assert [(round(e.at, 9), e.rising) for e in counter.take(9, 0.1)] == [
        (0.01 * (n + 1), n % 2 == 0) for n in range(6)
    ]


@pytest.mark.parametrize("frequency", [1e3, 777.7])
def test_counts_at_many_times_are_those_of_single_counts(frequency: float) -> None:
    bench, _ = bench_with()
    bench.drive("FGEN1/0", driven(0.0, square(0.0, 5.0, frequency, duty=0.4)), 0.0)
    times = 1.03e-4 + 0.37e-3 * np.arange(1, 2000)
    for rising in (True, False):
        together = bench.logic_input("Dev1/PFI8", 1e-4).counts(times, rising=rising)
        single = bench.logic_input("Dev1/PFI8", 1e-4)
        shift = 0.0 if rising else 0.4 / frequency
        exact = np.floor((times - shift) * frequency + 1e-9) - math.floor(
            (1e-4 - shift) * frequency
        )
        assert together.tolist() == exact.tolist()
        counted = np.cumsum([single.count(time, rising=rising) for time in times[:300]])
        assert counted.tolist() == exact[:300].tolist()
