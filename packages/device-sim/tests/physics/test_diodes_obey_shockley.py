"""Diodes obey Shockley's equation, forced by a voltage, by a current and behind a resistor."""

from __future__ import annotations

import math

import nidcpower
import pytest
from exact_bench import RELATIVE, measure, source_volts, wired_to

DIODE = """
[[connect]]
channel = "SMU1/0"
hi = "anode"

[[part]]
name = "D1"
kind = "diode"
a = "anode"
b = "GND"
saturation_current = 1e-12
ideality = 1.5
"""


THERMAL = 1.5 * 1.380649e-23 * 298.15 / 1.602176634e-19


@wired_to(DIODE)
@pytest.mark.parametrize("volts", [-5.0, 0.0, 0.3, 0.6, 0.75])
def test_a_diode_obeys_shockley(open_dcpower, volts):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, volts):
        measured = measure(channel)
    expected = 1e-12 * math.expm1(volts / THERMAL)
    assert measured.current == pytest.approx(expected, rel=RELATIVE, abs=2e-14)


@wired_to(DIODE)
@pytest.mark.parametrize("amperes", [1e-6, 1e-4, 1e-2])
def test_a_forced_current_gives_the_diodes_voltage(open_dcpower, amperes):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level = amperes
    with channel.initiate():
        assert measure(channel).voltage == pytest.approx(
            THERMAL * math.log1p(amperes / 1e-12), rel=RELATIVE
        )


@wired_to(DIODE)
def test_a_diode_lets_an_smu_into_compliance(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 5.0, limit=0.001):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
    assert measured.voltage == pytest.approx(THERMAL * math.log1p(0.001 / 1e-12), rel=RELATIVE)


LOAD_LINE = """
[[connect]]
channel = "SMU1/0"
hi = "supply"

[[connect]]
channel = "DMM1"
hi = "anode"

[[part]]
name = "R1"
kind = "resistor"
a = "supply"
b = "anode"
value = 1000.0

[[part]]
name = "D1"
kind = "diode"
a = "anode"
b = "GND"
"""


@wired_to(LOAD_LINE)
def test_a_diode_behind_a_resistor_sits_on_the_load_line(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 5.0):
        current = measure(channel).current
    thermal = 1.380649e-23 * 298.15 / 1.602176634e-19
    anode = thermal * math.log1p(current / 1e-12)
    assert (5.0 - anode) / 1000.0 == pytest.approx(current, rel=RELATIVE)
