"""Batteries sag under load; whole line cycles reject the ripple on top of them."""

from __future__ import annotations

import math

import nidcpower
import nidmm
import pytest
from exact_bench import RELATIVE, measure, wired_to

BATTERY = """
[[connect]]
channel = "DMM1"
hi = "plus"

[[connect]]
channel = "SMU1/0"
hi = "plus"

[[part]]
name = "B1"
kind = "source"
a = "plus"
b = "GND"
voltage = 3.7
resistance = 0.5
"""


@wired_to(BATTERY)
def test_a_battery_sags_by_its_internal_resistance(open_dcpower, open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    assert dmm.read() == pytest.approx(3.7 * 10e6 / (10e6 + 0.5), rel=RELATIVE)
    load = open_dcpower("SMU1/0")
    load.output_function = nidcpower.OutputFunction.DC_CURRENT
    load.current_level = -0.1
    with load.initiate():
        measured = measure(load)
    # 0.1 A out of the battery, and what the DMM takes.
    volts = (3.7 / 0.5 - 0.1) / (1.0 / 0.5 + 1.0 / 10e6)
    assert measured.voltage == pytest.approx(volts, rel=RELATIVE)
    assert measured.current == pytest.approx(-0.1, rel=RELATIVE)


@wired_to(
    BATTERY.replace("resistance = 0.5", "resistance = 0.5\namplitude = 0.2\nfrequency = 50.0")
)
def test_whole_line_cycles_reject_ripple(open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    steady = 3.7 * 10e6 / (10e6 + 0.5)
    dmm.powerline_freq = 50.0
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.POWER_LINE_CYCLES
    dmm.aperture_time = 3.0
    assert dmm.read() == pytest.approx(steady, rel=RELATIVE)
    dmm.aperture_time = 0.25
    assert abs(dmm.read() - steady) > 1e-3


@wired_to(
    BATTERY.replace("resistance = 0.5", "resistance = 0.5\namplitude = 0.2\nfrequency = 50.0")
)
def test_alternating_quantities(open_dmm):
    dmm = open_dmm("DMM1")
    loaded = 10e6 / (10e6 + 0.5)
    for function, expected in (
        (nidmm.Function.AC_VOLTS, 0.2 * loaded),
        (nidmm.Function.AC_VOLTS_DC_COUPLED, math.hypot(0.2, 3.7) * loaded),
        (nidmm.Function.FREQ, 50.0),
        (nidmm.Function.PERIOD, 0.02),
    ):
        dmm.configure_measurement_digits(function, -1, 6.5)
        assert dmm.read() == pytest.approx(expected, rel=1e-6), function
