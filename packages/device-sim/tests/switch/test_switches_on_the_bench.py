"""A closed contact joins the nets of two channels, so that a route changes what a meter reads."""

from __future__ import annotations

import niswitch
import pytest
from exact_bench import EXACT, RELATIVE, wired_to

CONTACT = 0.05  # ohms of a closed contact

DIVIDER = f"""{EXACT}
[instruments.SWITCH1]
model = "2737/2-Wire 4x64 Matrix"

[[part]]
name = "V1"
kind = "source"
a = "five volts"
b = "GND"
voltage = 5.0
resistance = 0.0

[[part]]
name = "R1"
kind = "resistor"
a = "column"
b = "GND"
value = 10e6

[[connect]]
channel = "DMM1"
hi = "column"

[[connect]]
channel = "SWITCH1/c0"
hi = "column"

[[connect]]
channel = "SWITCH1/r0"
hi = "five volts"

[[connect]]
channel = "SWITCH1/r1"
hi = "GND"
"""


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param)


@pytest.fixture
def volts(open_dmm):
    dmm = open_dmm()
    dmm.configure_measurement_digits(dmm.function, 10.0, 6.5)
    return dmm.read


@wired_to(DIVIDER.replace("resistance = 0.0", "resistance = 1000.0"))
def test_a_route_changes_what_a_meter_reads(open_switch, volts):
    switch = open_switch("SWITCH1")
    assert volts() == pytest.approx(0.0, abs=1e-9)
    switch.connect("r0", "c0")
    load = 5e6  # R1 beside the multimeter
    assert volts() == pytest.approx(5.0 * load / (load + 1000.0 + CONTACT), rel=RELATIVE)
    switch.connect("r1", "c0")
    assert volts() == pytest.approx(5.0 * CONTACT / (1000.0 + 2 * CONTACT), rel=1e-6)
    switch.disconnect_all()
    assert volts() == pytest.approx(0.0, abs=1e-9)


@wired_to(DIVIDER.replace("resistance = 0.0", "resistance = 1000.0"))
def test_a_relay_alone_joins_the_nets_too(open_switch, volts):
    switch = open_switch("SWITCH1")
    switch.relay_control("kr0c0", niswitch.RelayAction.CLOSE)
    assert volts() == pytest.approx(5.0, rel=1e-3)
    switch.relay_control("kr0c0", niswitch.RelayAction.OPEN)
    assert volts() == pytest.approx(0.0, abs=1e-9)


@wired_to(DIVIDER.replace("resistance = 0.0", "resistance = 1000.0"))
def test_a_broken_wire_to_a_switch_opens_the_route(open_switch, server, volts):
    open_switch("SWITCH1").connect("r0", "c0")
    server.bench.disconnect("SWITCH1/r0")
    assert volts() == pytest.approx(0.0, abs=1e-9)
    server.bench.reconnect("SWITCH1/r0")
    assert volts() == pytest.approx(5.0, rel=1e-3)


@wired_to(DIVIDER.replace("resistance = 0.0", "resistance = 1000.0"))
def test_the_bench_file_gives_a_switch_its_topology(open_switch):
    assert open_switch("SWITCH1", "").instrument_model == "NI PXIe-2737"
