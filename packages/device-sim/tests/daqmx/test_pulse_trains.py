"""Pulse trains in closed form have as many edges as if each were listed."""

from __future__ import annotations

import math

import pytest
from device_sim.drivers.nidaqmx.pulses import PulseInput, Pulses, Train
from hypothesis import given
from hypothesis import strategies as st

TIMES = st.integers(0, 400).map(lambda number: number / 10.0)


@st.composite
def signals(draw: st.DrawFn) -> Pulses:
    """Return trains with round times, so that edges coincide with the times that are asked for."""
    pulses, begin = Pulses(), 0.0
    for _ in range(draw(st.integers(1, 4))):
        begin += draw(st.integers(1, 30)) / 2.0
        period = draw(st.integers(2, 8)) / 2.0
        width = draw(st.sampled_from([0.25, 0.5, 0.75])) * period
        pulses.begin(Train(begin, period, width, draw(st.booleans())))
    if draw(st.booleans()):
        pulses.end(begin + draw(st.integers(0, 40)) / 2.0)
    return pulses


@given(signals(), st.lists(TIMES, min_size=1, max_size=6))
def test_counts_are_those_of_the_edges_one_by_one(pulses: Pulses, times: list[float]) -> None:
    one_by_one = PulseInput(pulses, 0.05).take(10_000, 41.0)
    assert [edge.at for edge in one_by_one] == sorted(edge.at for edge in one_by_one)
    for rising in (True, False):
        counter, counted = PulseInput(pulses, 0.05), 0
        for time in sorted(times):
            counted += counter.count(time, rising=rising)
            kind = [edge for edge in one_by_one if edge.rising is rising]
            assert counted == sum(edge.at <= time + 1e-6 for edge in kind if time > 0.05)


@given(signals(), st.integers(1, 5))
def test_edges_that_are_taken_in_parts_are_the_same(pulses: Pulses, most: int) -> None:
    whole, parts = PulseInput(pulses, 0.05).take(10_000, 30.0), []
    counter = PulseInput(pulses, 0.05)
    while edges := counter.take(most, 30.0):
        parts += edges
    assert parts == pytest.approx(whole)


def test_a_train_that_is_stopped_in_a_pulse_ends_the_pulse() -> None:
    pulses = Pulses()
    pulses.begin(Train(1.0, 1.0, 0.5))
    pulses.end(3.25)
    edges = PulseInput(pulses, 0.0).take(99, 10.0)
    assert [edge.at for edge in edges] == [1.0, 1.5, 2.0, 2.5, 3.0, 3.25]
    assert PulseInput(pulses, 0.0).count(10.0, rising=False) == 3


def test_a_timebase_of_a_day_is_counted_at_once() -> None:
    pulses = Pulses()
    pulses.begin(Train(0.0, 1e-8, 0.5e-8))
    assert PulseInput(pulses, -math.inf).count(86_400.0 - 0.25e-8, rising=True) == 86_400 * 10**8
