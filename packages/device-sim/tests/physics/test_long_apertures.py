"""The reading of a long aperture is the mean over all changes within it."""

from __future__ import annotations

import nidcpower
import nidmm
import pytest
from exact_bench import wired_to

BENCH = """
[[connect]]
channel = "SMU1/0"
hi = "net"

[[connect]]
channel = "DMM1"
hi = "net"

[[part]]
name = "R1"
kind = "resistor"
a = "net"
b = "GND"
value = 1000.0
"""


@wired_to(BENCH)
def test_a_reading_over_a_thousand_steps_is_their_mean(open_dcpower, open_dmm):
    smu = open_dcpower("SMU1/0", model="4139")
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.measure_when = nidcpower.MeasureWhen.ON_DEMAND
    smu.set_sequence([1.0] * 500 + [3.0, 5.0] * 250, [0.001] * 1000)
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
    dmm.aperture_time = 1.0
    with smu.initiate():
        assert dmm.read() == pytest.approx(2.5, rel=1e-6)
