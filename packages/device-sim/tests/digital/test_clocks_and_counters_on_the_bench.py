"""Clock generators and frequency counters of the real driver are on the nets of a bench."""

from __future__ import annotations

import pytest
from bench_text import channel, part
from exact_bench import EXACT
from nidigital import SelectedFunction


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param)


def on(content: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", [content], indirect=True, ids=["bench"])


@on(
    channel("DIG1/0", "a")
    + channel("DIG1/1", "b")
    + channel("DIG1/2", "c")
    + part(
        "V", "square", "a", "GND", amplitude=3.3, voltage=1.65, frequency=123456.7, resistance=50
    )
    + part("S", "source", "b", "GND", voltage=1.65, amplitude=1.0, frequency=54321.0, resistance=50)
    + part("R", "resistor", "c", "GND", value=1e6)
    + EXACT
)
def test_a_counter_measures_the_frequency_of_what_is_on_the_net(open_digital):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL
    counters = session.channels["0-2"]
    counters.frequency_counter_measurement_time = 10e-3

    assert counters.frequency_counter_measure_frequency() == pytest.approx(
        [123456.7, 54321.0, 0.0], rel=1e-6
    )


@on(channel("DIG1/0", "net") + channel("DIG1/1", "net") + EXACT)
def test_a_clock_is_on_the_net_until_it_is_stopped(open_digital, server):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL

    session.channels["0"].clock_generator_generate_clock(2e6)
    assert session.channels["1"].frequency_counter_measure_frequency() == pytest.approx([2e6])

    session.channels["0"].clock_generator_abort()
    assert session.channels["1"].frequency_counter_measure_frequency() == [0.0]
