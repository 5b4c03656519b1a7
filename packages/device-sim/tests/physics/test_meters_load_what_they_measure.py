"""A multimeter is part of the circuit that it measures, and agrees with the SMU in it."""

from __future__ import annotations

import math

import nidmm
import pytest
from exact_bench import RELATIVE, measure, source_volts, wired_to

DIVIDER = """
[[connect]]
channel = "SMU1/0"
hi = "top"

[[connect]]
channel = "DMM1"
hi = "middle"

[[part]]
name = "R1"
kind = "resistor"
a = "top"
b = "middle"
value = 30e3

[[part]]
name = "R2"
kind = "resistor"
a = "middle"
b = "GND"
value = 10e3
"""


@wired_to(DIVIDER)
def test_a_dmm_loads_the_divider_that_it_measures(open_dcpower, open_dmm):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    dmm.input_resistance = 10e6
    with source_volts(smu, 8.0):
        read = dmm.read()
    loaded = 1.0 / (1.0 / 10e3 + 1.0 / 10e6)
    assert read == pytest.approx(8.0 * loaded / (30e3 + loaded), rel=RELATIVE)


@wired_to(DIVIDER)
def test_a_resistor_across_a_dmm_reads_its_ohms(open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 100e3, 6.5)
    assert dmm.read() == pytest.approx(10e3, rel=RELATIVE)


@pytest.mark.filterwarnings("ignore::nidmm.errors.DriverWarning")
@wired_to(DIVIDER)
def test_ohms_of_an_open_circuit_are_not_a_number(server, open_dmm):
    server.bench.disconnect("DMM1")
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 100e3, 6.5)
    assert math.isnan(dmm.read())
    server.bench.reconnect("DMM1")
    assert dmm.read() == pytest.approx(10e3, rel=RELATIVE)


SERIES_DMM = """
[[connect]]
channel = "SMU1/0"
hi = "top"

[[connect]]
channel = "DMM1"
hi = "low_side"

[[part]]
name = "R1"
kind = "resistor"
a = "top"
b = "low_side"
value = 1000.0
"""


@wired_to(SERIES_DMM)
def test_smu_and_ammeter_agree(open_dcpower, open_dmm):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_CURRENT, 0.01, 6.5)
    with source_volts(smu, 5.0), dmm.initiate():
        sourced = measure(smu)
        assert dmm.read() == pytest.approx(sourced.current, rel=RELATIVE)
    assert sourced.current == pytest.approx(5.0 / 1010.0, rel=RELATIVE)  # 0.1 V burden at 10 mA


RTD = """
[[connect]]
channel = "DMM1"
hi = "sensor"

[[part]]
name = "RTD1"
kind = "resistor"
a = "sensor"
b = "GND"
value = 100.0
"""


@wired_to(RTD)
@pytest.mark.parametrize("celsius", [-150.0, 0.0, 25.0, 400.0])
def test_a_resistance_thermometer_reads_its_temperature(server, open_dmm, celsius):
    a, b, c = 3.9083e-3, -5.775e-7, -4.183e-12
    below = c * (celsius - 100.0) * celsius**3 if celsius < 0 else 0.0
    server.bench.set("RTD1", value=100.0 * (1 + a * celsius + b * celsius**2 + below))
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TEMPERATURE, -1, 6.5)
    dmm.configure_rtd_type(nidmm.RTDType.PT3851, 100.0)
    assert dmm.read() == pytest.approx(celsius, rel=1e-8, abs=1e-6)
