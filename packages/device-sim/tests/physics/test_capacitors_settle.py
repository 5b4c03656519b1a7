"""Capacitors charge along the exponential, and at a limit along a line."""

from __future__ import annotations

import math

import nidcpower
import nidmm
import numpy as np
import pytest
from exact_bench import RELATIVE, source_volts, wired_to

RC = """
[[connect]]
channel = "SMU1/0"
hi = "drive"

[[connect]]
channel = "DMM1"
hi = "cap"

[[part]]
name = "R1"
kind = "resistor"
a = "drive"
b = "cap"
value = 10e3

[[part]]
name = "C1"
kind = "capacitor"
a = "cap"
b = "GND"
value = 1e-6
esr = 1.0
"""


TAU = (10e3 + 1.0) * 1e-6


@wired_to(RC)
@pytest.mark.parametrize("delay", [0.0, 1e-3, 0.02, 0.1])
@pytest.mark.parametrize("aperture", [1e-5, 5e-3])
def test_charging_a_capacitor_follows_the_exponential(open_dcpower, delay, aperture):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 5.0, delay=delay, aperture=aperture):
        (record,) = smu.fetch_multiple(1)
    start, end = math.exp(-delay / TAU), math.exp(-(delay + aperture) / TAU)
    mean = 5.0 / 10001.0 * (start - end) * TAU / aperture
    assert record.current == pytest.approx(mean, rel=RELATIVE)


@wired_to(RC)
def test_a_dmm_sees_the_capacitor_charge(open_dcpower, open_dmm, clock):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    dmm.input_resistance = 1e10
    dmm.aperture_time = 1e-4
    dmm.configure_multi_point(1, 20, nidmm.SampleTrigger.INTERVAL, 2e-3)
    with source_volts(smu, 5.0), dmm.initiate():
        readings = dmm.fetch_multi_point(20)
    # Node voltage behind R1: the capacitor's, plus the drop across its series resistance.
    loaded = 1e10 / (1e10 + 10e3)
    tau = 1e-6 * (1.0 + 10e3 * loaded)
    begin = 2e-3 * np.arange(20)
    mean = (np.exp(-begin / tau) - np.exp(-(begin + 1e-4) / tau)) * tau / 1e-4
    fast = 5.0 * loaded * (1.0 - (1.0 - 1.0 / (1.0 + 10e3 * loaded)) * mean)
    assert readings == pytest.approx(fast, rel=RELATIVE)


@wired_to(RC)
def test_charging_at_the_current_limit_is_linear_and_then_exponential(open_dcpower, clock):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 10.0, limit=1e-4, delay=0.005, aperture=1e-5):
        (early,) = smu.fetch_multiple(1)
    assert early.in_compliance is True
    assert early.current == pytest.approx(1e-4, rel=RELATIVE)
    # V = I * (R + ESR) + I * t / C, averaged over the aperture, as long as that is below 10 V.
    volts = 1e-4 * (10001.0 + (0.005 + 0.5e-5) / 1e-6)
    assert early.voltage == pytest.approx(volts, rel=RELATIVE)


@wired_to(RC)
def test_when_the_limit_is_left_the_exponential_begins(open_dcpower):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 10.0, limit=1e-4, delay=0.1, aperture=1e-5):
        (late,) = smu.fetch_multiple(1)
    leaves = (10.0 / 1e-4 - 10001.0) * 1e-6  # when V reaches 10 V at 100 uA
    since = 0.1 - leaves
    mean = (math.exp(-since / TAU) - math.exp(-(since + 1e-5) / TAU)) * TAU / 1e-5
    assert late.in_compliance is False
    assert late.current == pytest.approx(1e-4 * mean, rel=1e-7)
