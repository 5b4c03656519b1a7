"""The readings of LCR meters and multimeters at a capacitor."""

from __future__ import annotations

import math

import nidcpower
import nidmm
import pytest
from exact_bench import RELATIVE, wired_to

REACTIVE = """
[[connect]]
channel = "SMU1/0"
hi = "dut"

[[connect]]
channel = "DMM1"
hi = "dut"

[[part]]
name = "C1"
kind = "capacitor"
a = "dut"
b = "GND"
value = 100e-9
esr = 2.0
"""


@wired_to(REACTIVE)
def test_an_lcr_meter_measures_a_capacitor(open_dcpower):
    session = open_dcpower("SMU1/0", model="4190")
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.lcr_frequency = 10e3
    session.lcr_voltage_amplitude = 0.5
    with session.initiate():
        (measured,) = session.measure_multiple_lcr()
    z = complex(2.0, -1.0 / (2 * math.pi * 10e3 * 100e-9))
    assert measured.z == pytest.approx(z, rel=RELATIVE)
    assert measured.series_lcr.capacitance == pytest.approx(100e-9, rel=RELATIVE)
    assert measured.series_lcr.resistance == pytest.approx(2.0, rel=RELATIVE)
    assert measured.ac_current == pytest.approx(0.5 / z, rel=RELATIVE)


@wired_to(REACTIVE)
def test_a_dmm_measures_a_capacitor(open_dmm):
    dmm = open_dmm("DMM1", model="4082")
    dmm.configure_measurement_digits(nidmm.Function.CAPACITANCE, 1e-6, 5.5)
    assert dmm.read() == pytest.approx(100e-9, rel=RELATIVE)
