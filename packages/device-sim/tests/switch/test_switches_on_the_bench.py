"""A closed contact joins the nets of two channels, so that a route changes what a meter reads."""

from __future__ import annotations

import math

import nidmm
import niswitch
import numpy as np
import pytest
from bench_text import channel, part
from device_sim import DeviceControl
from device_sim.bench import Grid
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
    switch.wait_for_debounce()
    load = 5e6  # R1 beside the multimeter
    assert volts() == pytest.approx(5.0 * load / (load + 1000.0 + CONTACT), rel=RELATIVE)
    switch.connect("r1", "c0")
    switch.wait_for_debounce()
    assert volts() == pytest.approx(5.0 * CONTACT / (1000.0 + 2 * CONTACT), rel=1e-6)
    switch.disconnect_all()
    switch.wait_for_debounce()
    assert volts() == pytest.approx(0.0, abs=1e-9)


@wired_to(DIVIDER.replace("resistance = 0.0", "resistance = 1000.0"))
def test_a_relay_alone_joins_the_nets_too(open_switch, volts):
    switch = open_switch("SWITCH1")
    switch.relay_control("kr0c0", niswitch.RelayAction.CLOSE)
    switch.wait_for_debounce()
    assert volts() == pytest.approx(5.0, rel=1e-3)
    switch.relay_control("kr0c0", niswitch.RelayAction.OPEN)
    switch.wait_for_debounce()
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


def joined(server, begin: float, end: float) -> np.ndarray:
    """Return whether the contact conducted, at 1000 points of a time."""
    volts = server.bench.sample("DMM1", Grid.over(begin, end, 1001)).voltages
    return volts > 2.5


STIFF = DIVIDER.replace("resistance = 0.0", "resistance = 1000.0")


@wired_to(STIFF)
def test_a_contact_needs_half_the_settling_time(open_switch, server, clock):
    switch = open_switch("SWITCH1")  # its settling time is 10 ms
    clock.advance(1.0)
    switch.connect("r0", "c0")
    assert switch.get_relay_position("kr0c0") is niswitch.RelayPosition.CLOSED
    switch.wait_for_debounce()
    assert clock.now() == pytest.approx(1.01)
    there = joined(server, 1.0, 1.01)
    assert not there[:500].any()
    assert there[501:].all()


@wired_to(STIFF)
def test_a_session_that_is_closed_meanwhile_stops_no_relay(open_switch, server, clock):
    switch = open_switch("SWITCH1")
    switch.connect("r0", "c0")
    switch.close()
    clock.advance(1.0)
    other = open_switch("SWITCH2")
    assert other.is_debounced
    assert joined(server, 0.006, 0.9).all()


@wired_to(STIFF)
def test_a_relay_that_sticks_is_seen_by_the_meter_and_not_by_the_driver(open_switch, server, volts):
    switch = open_switch("SWITCH1")
    server.faults.stick_relay("switch1", "KR0C0")
    switch.connect("r0", "c0")
    switch.wait_for_debounce()
    assert switch.get_relay_position("kr0c0") is niswitch.RelayPosition.CLOSED
    assert volts() == pytest.approx(0.0, abs=1e-9)
    server.faults.clear()
    switch.disconnect_all()
    switch.connect("r0", "c0")
    switch.wait_for_debounce()
    assert volts() == pytest.approx(5.0, rel=1e-3)
    server.faults.stick_relay("SWITCH1", "kr0c0", lasting=0.5)
    switch.disconnect_all()
    switch.wait_for_debounce()
    assert volts() == pytest.approx(5.0, rel=1e-3)


@wired_to(STIFF)
def test_a_relay_bounces_for_its_time(open_switch, server, clock, address):
    switch = open_switch("SWITCH1")
    with DeviceControl(address) as control:
        control.faults.bounce_relay("SWITCH1", "kr0c0", 3e-3)
    switch.connect("r0", "c0")
    clock.advance(0.02)
    assert switch.is_debounced
    there = joined(server, 0.0, 0.02)
    begins = np.flatnonzero(there[1:] & ~there[:-1])
    assert list(begins * 2e-5) == pytest.approx([5e-3, 6e-3, 7e-3, 8e-3], abs=5e-5)
    assert there[405:].all()


@wired_to(STIFF + '[[fault]]\nkind = "stick-relay"\ndevice = "SWITCH1"\nrelay = "kr0c0"\n')
def test_the_bench_file_has_faults_of_relays(open_switch, volts):
    switch = open_switch("SWITCH1")
    switch.connect("r0", "c0")
    switch.wait_for_debounce()
    assert volts() == pytest.approx(0.0, abs=1e-9)


OHMS = [100.0 * 1.5**number for number in range(16)]
ARRAY = (
    EXACT.replace("false", "true")
    + channel("DMM1", "meter")
    + channel("SWITCH1/r0", "meter")
    + "".join(
        channel(f"SWITCH1/c{n}", f"pin{n}")
        + part(f"R{n}", "resistor", f"pin{n}", "GND", value=ohms)
        for n, ohms in enumerate(OHMS)
    )
)


@wired_to(ARRAY)
def test_a_matrix_brings_each_of_16_resistors_to_the_meter(open_switch, open_dmm, server):
    switch, meter = open_switch("SWITCH1"), open_dmm("DMM1")
    server.faults.stick_relay("SWITCH1", "kr0c7")
    for number, ohms in enumerate(OHMS):
        switch.connect("r0", f"c{number}")
        switch.wait_for_debounce()
        span = 10.0 ** math.ceil(math.log10(ohms))
        meter.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, span, 6.5)
        if number == 7:
            with pytest.warns(nidmm.errors.DriverWarning):
                assert math.isnan(meter.read())
        else:
            assert meter.read() == pytest.approx(ohms + CONTACT, rel=2e-3), number
        switch.disconnect_all()
        switch.wait_for_debounce()


MULTIPLEXER = (
    EXACT
    + '[instruments.SWITCH1]\nmodel = "2503/1-Wire 48x1 Mux"\n'
    + channel("SMU1/0", "common")
    + channel("SWITCH1/com0", "common")
    + channel("SWITCH1/ch3", "left")
    + channel("SWITCH1/ch4", "right")
    + channel("DMM1", "left")
    + part("R3", "resistor", "left", "GND", value=1000.0)
    + part("R4", "resistor", "right", "GND", value=470.0)
)


@wired_to(MULTIPLEXER)
def test_a_multiplexer_changes_what_an_smu_and_a_meter_see(open_switch, open_dcpower, volts):
    switch, smu = open_switch("SWITCH1", ""), open_dcpower("SMU1/0")
    smu.voltage_level, smu.current_limit = 2.0, 0.1
    smu.source_delay = 0.0
    with smu.initiate():
        for name, ohms, meter in (("ch3", 1000.0, 2.0), ("ch4", 470.0, 0.0)):
            switch.connect("com0", name)
            switch.wait_for_debounce()
            (measured,) = smu.measure_multiple()
            assert measured.current == pytest.approx(2.0 / (ohms + CONTACT), rel=2e-4), name
            assert volts() == pytest.approx(meter, rel=1e-4, abs=1e-6)
            switch.disconnect_all()
            switch.wait_for_debounce()
