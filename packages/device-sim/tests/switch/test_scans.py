"""A scan connects the paths of its list in turn, at triggers, and tells when each has settled."""

from __future__ import annotations

import hightime
import nidmm
import niswitch
import pytest
from bench_text import channel, part
from exact_bench import EXACT

BAD_PATH = -1074126847
EMPTY_LIST = -1074126844
IN_PROGRESS = -1074126842
NO_SCAN = -1074126841
TOO_LATE = -1074126826

OHMS = [100.0, 220.0, 470.0, 1000.0]
BENCH = (
    EXACT
    + channel("SWITCH1/r0", "common")
    + channel("DMM1", "common")
    + "".join(
        channel(f"SWITCH1/c{number}", f"n{number}")
        + part(f"R{number}", "resistor", f"n{number}", "GND", value=ohms)
        for number, ohms in enumerate(OHMS)
    )
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


@pytest.fixture
def switch(open_switch):
    session = open_switch("SWITCH1")
    session.scan_list = "r0->c0; r0->c1; r0->c2; r0->c3"
    session.settling_time = hightime.timedelta(milliseconds=10)
    return session


def refused(code: int, action) -> None:
    """Check that the driver answers `action` with this error code."""
    with pytest.raises(niswitch.errors.DriverError) as caught:
        action()
    assert caught.value.code == code


def connected(switch):
    """Return the columns that row 0 is connected to."""
    exists = niswitch.PathCapability.PATH_EXISTS
    return [n for n in range(len(OHMS)) if switch.can_connect("r0", f"c{n}") is exists]


def test_a_scan_without_triggers_ends_with_its_last_path(switch, clock):
    begin = clock.now()
    with switch.initiate():
        assert switch.is_scanning
        switch.wait_for_scan_complete()
        # Four connections settle, and three paths in the way of the next one.
        assert clock.now() - begin == pytest.approx(0.07, abs=1e-6)
        assert not switch.is_scanning
        assert connected(switch) == [3]


def test_software_triggers_advance_a_scan(switch, clock):
    switch.trigger_input = niswitch.TriggerInput.SOFTWARE_TRIG
    with switch.initiate():
        for number in range(len(OHMS)):
            clock.advance(0.1)
            assert connected(switch) == [number]
            assert switch.is_scanning == (number < 3)
            if number < 3:
                refused(TOO_LATE, lambda: switch.wait_for_scan_complete(0.05))
                switch.send_software_trigger()
    refused(NO_SCAN, switch.send_software_trigger)


def test_a_handshake_with_a_multimeter_measures_each_resistor(switch, open_dmm, clock):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 10e3, 5.5)
    dmm.configure_trigger(nidmm.TriggerSource.PXI_TRIG0, hightime.timedelta(0))
    dmm.configure_multi_point(
        trigger_count=4, sample_count=1, sample_interval=hightime.timedelta(0)
    )
    dmm.meas_complete_dest = nidmm.MeasurementCompleteDest.PXI_TRIG1
    switch.scan_advanced_output = niswitch.ScanAdvancedOutput.TTL0
    switch.trigger_input = niswitch.TriggerInput.TTL1
    with dmm.initiate(), switch.initiate():
        readings = dmm.fetch_multi_point(4, hightime.timedelta(seconds=10))
        switch.wait_for_scan_complete()
    assert readings == pytest.approx([ohms + 0.05 for ohms in OHMS], rel=1e-6)


def test_a_scan_whose_edge_never_comes_waits_as_the_driver_says(switch, clock):
    switch.trigger_input = niswitch.TriggerInput.TTL5
    with switch.initiate():
        refused(TOO_LATE, lambda: switch.wait_for_scan_complete(0.5))
        assert connected(switch) == [0]
    assert not switch.is_scanning


def test_nothing_else_moves_relays_while_a_scan_is_in_progress(switch):
    switch.trigger_input = niswitch.TriggerInput.SOFTWARE_TRIG
    with switch.initiate():
        refused(IN_PROGRESS, lambda: switch.connect("r1", "c1"))
        refused(IN_PROGRESS, switch.disconnect_all)
        refused(IN_PROGRESS, switch.initiate)
        refused(IN_PROGRESS, lambda: switch.relay_control("kr1c1", niswitch.RelayAction.CLOSE))
    switch.connect("r1", "c1")


def test_a_continuous_scan_goes_on_until_it_is_aborted(switch, clock):
    switch.scan_list = "r0->c0; r0->c1;"
    switch.continuous_scan = True
    with switch.initiate():
        refused(TOO_LATE, lambda: switch.wait_for_scan_complete(5.0))
        assert switch.is_scanning
        seen = set()
        for _ in range(20):
            clock.advance(0.013)
            seen.update(connected(switch))
        assert seen == {0, 1}


@pytest.mark.parametrize(
    ("mode", "moves"),
    [
        (niswitch.ScanMode.NONE, [0, 1]),
        (niswitch.ScanMode.BREAK_BEFORE_MAKE, [1]),
        (niswitch.ScanMode.BREAK_AFTER_MAKE, [1]),
    ],
)
def test_the_scan_mode_says_what_happens_to_paths_in_the_way(switch, mode, moves):
    switch.scan_list = "r0->c0; r0->c1"
    switch.scan_mode = mode
    with switch.initiate():
        switch.wait_for_scan_complete()
    assert connected(switch) == moves


def test_an_entry_can_have_several_actions_and_break_paths(switch):
    switch.scan_list = "r0->c0 & r1->c1; ~r1->c1 && r2->c2"
    with switch.initiate():
        switch.wait_for_scan_complete()
    exists = niswitch.PathCapability.PATH_EXISTS
    found = [(f"r{n}", f"c{n}") for n in range(3) if switch.can_connect(f"r{n}", f"c{n}") is exists]
    assert found == [("r0", "c0"), ("r2", "c2")]


@pytest.mark.parametrize(
    ("text", "code"), [("", EMPTY_LIST), (" ; ;", EMPTY_LIST), ("r0;r1", BAD_PATH)]
)
def test_scan_lists_with_errors_are_refused(switch, text, code):
    switch.scan_list = text
    refused(code, switch.initiate)
    assert not switch.is_scanning
