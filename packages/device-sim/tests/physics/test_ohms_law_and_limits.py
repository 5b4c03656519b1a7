"""Ohm's law at an SMU's terminals, up to its limits and beyond."""

from __future__ import annotations

import nidcpower
import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim.bench import Bench, Output
from device_sim.clock import ManualClock
from exact_bench import RELATIVE, measure, source_volts, wired_to

RESISTOR = """
[[connect]]
channel = "SMU1/0"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "out"
b = "GND"
value = 1000.0
"""


@wired_to(RESISTOR)
@pytest.mark.parametrize("ohms", [1.0, 470.0, 1e3, 2.2e6])
def test_a_resistor_takes_the_current_of_ohms_law(server, open_dcpower, ohms):
    server.bench.set("R1", value=ohms)
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 0.05):
        measured = measure(channel)
    assert measured.voltage == pytest.approx(0.05, rel=RELATIVE)
    assert measured.current == pytest.approx(0.05 / ohms, rel=RELATIVE)


@wired_to(RESISTOR)
@pytest.mark.parametrize("sign", [1, -1])
def test_at_its_current_limit_an_smu_sources_the_limit(server, open_dcpower, sign):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, sign * 8.0, limit=0.001):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
        assert channel.query_output_state(nidcpower.OutputStates.CONSTANT_CURRENT) is True
        assert channel.query_output_state(nidcpower.OutputStates.CONSTANT_VOLTAGE) is False
    assert measured.current == pytest.approx(sign * 0.001, rel=RELATIVE)
    assert measured.voltage == pytest.approx(sign * 1.0, rel=RELATIVE)


@wired_to(RESISTOR)
@pytest.mark.parametrize(("ohms", "limited"), [(999.0, True), (1001.0, False)])
def test_compliance_begins_at_the_load_line(server, open_dcpower, ohms, limited):
    server.bench.set("R1", value=ohms)
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 1.0, limit=0.001):
        assert channel.query_in_compliance() is limited


@wired_to(RESISTOR)
@pytest.mark.parametrize(("amperes", "limited"), [(1e-3, False), (-1e-3, False), (9e-3, True)])
def test_a_current_source_is_limited_in_voltage(open_dcpower, amperes, limited):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level_range = 0.01
    channel.current_level = amperes
    channel.voltage_limit = 5.0
    channel.source_delay = 0.0
    with channel.initiate():
        measured = measure(channel)
        assert channel.query_in_compliance() is limited
    volts = 5.0 if limited else 1000.0 * amperes
    assert measured.voltage == pytest.approx(volts, rel=RELATIVE)
    assert measured.current == pytest.approx(volts / 1000.0, rel=RELATIVE)


@wired_to(RESISTOR.replace('kind = "resistor"', 'kind = "open"').replace("value = 1000.0", ""))
def test_a_current_source_with_an_open_circuit_goes_to_its_voltage_limit(open_dcpower):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level_range = 0.01
    channel.current_level = -0.001
    channel.voltage_limit = 4.0
    with channel.initiate():
        measured = measure(channel)
    assert measured.voltage == pytest.approx(-4.0, rel=RELATIVE)
    assert measured.current == pytest.approx(0.0, abs=1e-15)


@wired_to(RESISTOR.replace('kind = "resistor"', 'kind = "short"').replace("value = 1000.0", ""))
def test_into_a_short_an_smu_sources_its_limit(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 6.0, limit=0.01):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
    assert measured.current == pytest.approx(0.01, rel=RELATIVE)
    assert abs(measured.voltage) < 1e-6


def test_a_limit_counts_at_each_step_of_a_square(bench_file):
    values = {"amplitude": 2.0, "frequency": 1234567.0, "resistance": 50.0}
    content = wire("SMU1/0", "a") + part("R", "resistor", "a", "b", value=100.0)
    clock = ManualClock()
    bench = Bench.load(bench_file(content + part("S", "square", "b", "GND", **values)), clock)
    bench.drive("SMU1/0", Output("voltage", 1.0, -5e-3, 5e-3), 0.0)
    clock.advance(1.0)

    state = bench.measure("SMU1/0", 0.0, 1.0)

    # At +1 V nothing flows. At -1 V the current is at its limit, so 5 mA through 150 Ω.
    assert state.voltage == pytest.approx((1.0 - 0.25) / 2.0, rel=1e-6)
    assert state.current == pytest.approx(2.5e-3, rel=1e-6)
