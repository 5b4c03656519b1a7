"""Each site has its own parts and disturbs no other."""

from __future__ import annotations

import math

import nidmm
import pytest
from exact_bench import RELATIVE, source_volts, wired_to

SITES = """
sites = [0, 1, 2, 3]

[[connect]]
channel = "DCPower1/{site}"
hi = "vout{site}"

[[connect]]
channel = ["DMM1", "DMM2", "DMM3", "DMM4"]
hi = "vout{site}"

[[part]]
name = "Rload{site}"
kind = "resistor"
a = "vout{site}"
b = "GND"
value = [100.0, 220.0, 470.0, 1000.0]
"""


@wired_to(SITES)
def test_every_site_has_its_own_parts(open_dcpower, open_dmm):
    smu = open_dcpower("DCPower1")
    with source_volts(smu, 1.0, limit=0.1):
        measured = smu.measure_multiple()
    assert [m.voltage / m.current for m in measured] == pytest.approx(
        [1 / (1 / r + 0) for r in (100.0, 220.0, 470.0, 1000.0)], rel=RELATIVE
    )
    for number, measurement in enumerate(measured, 1):
        dmm = open_dmm(f"DMM{number}")
        dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
        assert dmm.read() == pytest.approx(measurement.voltage, rel=1e-6)


@wired_to(SITES)
def test_an_open_site_reads_as_open(server, open_dcpower):
    server.bench.set("Rload2", value=math.inf)
    smu = open_dcpower("DCPower1")
    with source_volts(smu, 1.0):
        measured = smu.measure_multiple()
    assert measured[2].current == pytest.approx(0.0, abs=1e-15)
    assert measured[1].current == pytest.approx(1 / 220.0, rel=RELATIVE)
