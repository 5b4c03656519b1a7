"""Sessions of the real driver on a bench: bursts and their starts, static states, their ends."""

from __future__ import annotations

import hightime
import nidigital
import nidmm
import pytest
from bench_text import channel, part
from digital_files import NON_RETURN, levels, pin_map, timing, write_pattern
from exact_bench import EXACT

INVALID_VALUE = -1074135024
NOT_SUPPORTED = -1074135023
TIMED_OUT = -1074118637
ONE, ZERO, X = (nidigital.WriteStaticPinState[name] for name in ("ONE", "ZERO", "X"))
L, H, M = nidigital.PinState.L, nidigital.PinState.H, nidigital.PinState.M
VOLTAGE = nidigital.PPMUMeasurementType.VOLTAGE
MILLISECOND = hightime.timedelta(milliseconds=1)
SOFTWARE_START = (nidigital.SoftwareTrigger.START, "")

WIRES = (
    EXACT
    + channel("DIG1/0", "one")
    + channel("DIG1/1", "one")
    + channel("DIG1/2", "two")
    + channel("DIG1/3", "two")
    + channel("DMM1", "one")
    + part("R1", "resistor", "one", "GND", value=1e6)
    + part("R2", "resistor", "two", "GND", value=1e6)
)
"""Two wires, each with a pin at both ends: A and B on site 0, C and D on site 0 and 1."""


@pytest.fixture
def bench(bench_file):
    return bench_file(WIRES)


@pytest.fixture
def wired(open_digital, put):
    """Return a session whose pins A to D are the channels 0 to 3, at 0 V and 3.3 V, each 1 µs."""
    session = open_digital("DIG1")
    session.load_pin_map(
        put("p.pinmap", pin_map({f"{p} site 0": f"DIG1/{n}" for n, p in enumerate("ABCD")}))
    )
    edges = NON_RETURN.format(off="1 µs", strobe="0.75 µs")
    sheet = timing({"t0": ("1 µs", {"A": edges, "B": edges, "C": edges, "D": edges})})
    low = levels({pin: {"Vol": "0.8", "Voh": "2"} for pin in "ABCD"})
    session.load_specifications_levels_and_timing(
        None, put("l.digilevels", low), put("t.digitiming", sheet)
    )
    session.apply_levels_and_timing("l", "t")
    return session


@pytest.fixture
def load(wired, tmp_path):
    def write_and_load(name: str, vectors: list[str], **options) -> None:
        path = write_pattern(tmp_path / f"{name}.digipat", "ABCD", vectors, **options)
        wired.load_pattern(str(path))

    return write_and_load


def refused(code: int, action) -> str:
    with pytest.raises(nidigital.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


# Bursts.


def test_a_pattern_passes_where_the_wires_are_whole_and_fails_where_one_is_cut(wired, load, server):
    load("p", ["0L0L", "1H1H", "0L1H", "XXXX"])
    assert wired.burst_pattern("p") == {0: True}
    server.bench.disconnect("DIG1/3")
    wired.history_ram_cycles_to_acquire = nidigital.HistoryRAMCyclesToAcquire.FAILED
    assert wired.burst_pattern("p") == {0: False}
    assert wired.pins["A", "B", "C", "D"].get_fail_count() == [0, 0, 0, 2]
    found = wired.sites[0].fetch_history_ram_cycle_information(0, -1)
    assert [each.vector_number for each in found] == [1, 2]
    assert found[0].pattern_name == "p"
    assert found[0].time_set_name == "t0"
    assert found[0].per_pin_pass_fail == [[True, True, True, False]]
    (only_d,) = wired.sites[0].pins["D"].fetch_history_ram_cycle_information(0, 1)
    assert only_d.expected_pin_states == [[H]]
    assert only_d.actual_pin_states == [[L]]
    server.bench.reconnect("DIG1/3")
    assert wired.burst_pattern("p") == {0: True}
    assert wired.sites[0].get_history_ram_sample_count() == 0


def test_pins_keep_their_state_after_a_burst(wired, load, open_dmm):
    load("p", ["0XXX", "1XXX"])
    wired.burst_pattern("p")
    with open_dmm() as dmm:
        assert dmm.read() == pytest.approx(3.3, rel=1e-3)
        wired.pins["A"].selected_function = nidigital.SelectedFunction.DISCONNECT
        assert dmm.read() == pytest.approx(0.0, abs=1e-6)


def test_a_burst_starts_with_an_exported_label(wired, load):
    load("p", ["0H0X", "1H1X", "XXXX"], exported={"good": 1})
    assert wired.burst_pattern("p") == {0: False}
    assert wired.burst_pattern("good") == {0: True}


def test_without_the_digital_function_a_pin_takes_no_part(wired, load):
    load("p", ["1H1L", "XXXX"])
    wired.pins["A", "B"].selected_function = nidigital.SelectedFunction.DIGITAL
    wired.burst_pattern("p", select_digital_function=False)
    assert wired.pins["A", "B", "C", "D"].get_fail_count() == [0, 0, 0, 0]
    assert wired.burst_pattern("p") == {0: False}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (0xB0000000, "source_start, in vector 1 of the pattern p"),
        (0x0F820000, "capture, in vector 1"),
        (0x1F880000, "repeat with a register, in vector 1"),
        (0x90000100, "pulse_signal, in vector 1"),
        (0xFF800000, "keep_alive, in vector 1"),
    ],
)
def test_an_opcode_that_is_not_simulated_is_refused_by_name(wired, load, word, name):
    load("p", ["0L0L", "0L0L", "XXXX"], instructions={1: word})
    assert f"Not simulated: {name}" in refused(NOT_SUPPORTED, lambda: wired.burst_pattern("p"))


def test_what_a_bench_cannot_run_is_refused_with_what_it_is(wired, load):
    load("data", ["0L0L", "D000", "XXXX"])
    told = refused(NOT_SUPPORTED, lambda: wired.burst_pattern("data"))
    assert "Not simulated: the state D, in vector 1" in told
    load("endless", ["0L0L", "0L0L", "XXXX"], instructions={0: 0x40000002, 1: 0x50000000})
    assert "cycles" in refused(NOT_SUPPORTED, lambda: wired.burst_pattern("endless"))
    load("longer", ["0L0L"] * 20 + ["XXXX"], instructions=dict.fromkeys(range(20), 0x1000FFFF))
    assert "cycles" in refused(NOT_SUPPORTED, lambda: wired.burst_pattern("longer"))
    load("other", ["0L0L", "XXXX"], time_sets=["missing"])
    told = refused(INVALID_VALUE, lambda: wired.burst_pattern("other"))
    assert "no time set missing" in told


# The start of a burst.


def test_a_burst_waits_for_its_software_trigger(wired, load):
    load("p", ["0H0X", "XXXX"])
    wired.start_trigger_type = nidigital.TriggerType.SOFTWARE
    wired.burst_pattern("p", wait_until_done=False)
    assert not wired.is_done()
    refused(TIMED_OUT, lambda: wired.wait_until_done(MILLISECOND))
    assert wired.pins["B"].get_fail_count() == [0]
    wired.send_software_edge_trigger(*SOFTWARE_START)
    wired.wait_until_done(MILLISECOND)
    assert wired.is_done()
    assert wired.get_site_pass_fail() == {0: False}


def test_a_burst_starts_at_an_edge_of_another_instrument(wired, load, open_dmm):
    load("p", ["1H1H", "XXXX"])
    wired.start_trigger_type = nidigital.TriggerType.DIGITAL_EDGE
    wired.digital_edge_start_trigger_source = "/DIG1/PXI_Trig3"
    wired.burst_pattern("p", wait_until_done=False)
    with open_dmm() as dmm:
        dmm.meas_complete_dest = nidmm.MeasurementCompleteDest.PXI_TRIG3
        assert not wired.is_done()
        dmm.read()
    wired.wait_until_done(MILLISECOND)
    assert wired.get_site_pass_fail() == {0: True}


def test_the_start_of_a_burst_is_told_to_other_instruments(wired, load, open_dmm):
    load("p", ["1XXX", "XXXX"])
    wired.exported_start_trigger_output_terminal = "PXI_Trig1"
    with open_dmm() as dmm:
        dmm.configure_trigger(nidmm.TriggerSource.PXI_TRIG1)
        with dmm.initiate():
            with pytest.raises(nidmm.errors.DriverError):
                dmm.fetch(maximum_time=hightime.timedelta(milliseconds=10))
            wired.burst_pattern("p")
            dmm.fetch(maximum_time=hightime.timedelta(seconds=5))


def test_an_aborted_burst_is_over_and_leaves_its_pins_as_they_are(wired, load, open_dmm):
    load("p", ["1XXX", "0XXX", "XXXX"], instructions={0: 0x1000FFFF})
    wired.burst_pattern("p", wait_until_done=False)
    assert not wired.is_done()
    wired.abort()
    assert wired.is_done()
    with open_dmm() as dmm:
        assert dmm.read() == pytest.approx(3.3, rel=1e-3)
    load("q", ["0LXX", "XXXX"])
    assert wired.burst_pattern("q") == {0: True}


def test_a_closed_session_leaves_the_nets(wired, load, open_dmm):
    load("p", ["1XXX", "1XXX"])
    wired.burst_pattern("p")
    wired.close()
    with open_dmm() as dmm:
        assert dmm.read() == pytest.approx(0.0, abs=1e-6)


def test_a_reset_session_leaves_the_nets_and_works_again(wired, load, open_dmm):
    load("p", ["1XXX", "1XXX"])
    wired.burst_pattern("p")
    wired.reset()
    with open_dmm() as dmm:
        assert dmm.read() == pytest.approx(0.0, abs=1e-6)
    wired.channels["0"].selected_function = nidigital.SelectedFunction.DIGITAL
    wired.channels["0"].write_static(ONE)
    with open_dmm() as dmm:
        assert dmm.read() == pytest.approx(3.3, rel=1e-3)


# Static states.


def test_a_static_state_is_read_at_the_other_end_of_the_wire(wired):
    wired.selected_function = nidigital.SelectedFunction.DIGITAL
    for state, found in ((ONE, H), (ZERO, L)):
        wired.pins["A"].write_static(state)
        assert wired.pins["A", "B", "D"].read_static() == [found, found, L]


def test_levels_count_at_the_next_static_call(wired):
    wired.selected_function = nidigital.SelectedFunction.DIGITAL
    wired.pins["A"].write_static(ONE)
    wired.pins["A"].vih = 1.4
    assert wired.pins["B"].read_static() == [H]
    wired.pins["A"].write_static(ONE)
    assert wired.pins["B"].read_static() == [M]
    wired.pins["A"].write_static(X)
    assert wired.pins["B"].read_static() == [L]
    wired.pins["B"].termination_mode = nidigital.TerminationMode.VTERM
    wired.pins["B"].vterm = 3.0
    assert wired.pins["B"].read_static() == [H]


def test_a_state_that_was_written_before_counts_when_the_function_is_digital(wired):
    wired.pins["B"].selected_function = nidigital.SelectedFunction.DIGITAL
    wired.pins["A"].write_static(ONE)
    assert wired.pins["B"].read_static() == [L]
    wired.pins["A"].selected_function = nidigital.SelectedFunction.DIGITAL
    assert wired.pins["B"].read_static() == [H]


def test_initial_states_are_driven_when_sheets_are_applied(wired):
    wired.selected_function = nidigital.SelectedFunction.DIGITAL
    wired.apply_levels_and_timing(
        "l", "t", initial_state_high_pins="A", initial_state_tristate_pins=["B", "D"]
    )
    assert wired.pins["B", "D"].read_static() == [H, L]


# The PPMU.


def test_a_ppmu_measures_a_voltage_whatever_the_function_is(wired):
    wired.pins["A"].selected_function = nidigital.SelectedFunction.DIGITAL
    wired.pins["A"].write_static(ONE)
    wired.pins["B"].selected_function = nidigital.SelectedFunction.OFF
    assert wired.pins["A", "B"].ppmu_measure(VOLTAGE) == pytest.approx([3.3, 3.3], rel=1e-3)
