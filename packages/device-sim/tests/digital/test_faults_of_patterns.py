"""Injected faults, as a plug-in with a digital pattern instrument sees them."""

from __future__ import annotations

import math

import hightime
import nidigital
import pytest
from bench_text import channel, part
from digital_files import write_pattern
from exact_bench import EXACT

TOO_HOT = -1074118575
TIMED_OUT = -1074118637
VOLTAGE = nidigital.PPMUMeasurementType.VOLTAGE
SECOND = hightime.timedelta(seconds=1)
START = nidigital.SoftwareTrigger.START


@pytest.fixture
def loaded(timed, tmp_path):
    """Return a session of two instruments with a pattern."""
    timed.load_pattern(str(write_pattern(tmp_path / "walk.digipat", "ABC", ["0LX", "1HX", "XXX"])))
    return timed


def fails(code, action):
    with pytest.raises(nidigital.errors.DriverError) as failed:
        action()
    assert failed.value.code == code


@pytest.mark.parametrize("device", ["dig1", "DIG2"])
def test_a_call_fails_for_each_instrument_of_the_session(server, loaded, device):
    server.faults.fail_call(device, rpc="BurstPattern", nth=2, code=TOO_HOT)
    assert loaded.burst_pattern("walk") == {0: True, 1: True}
    fails(TOO_HOT, lambda: loaded.burst_pattern("walk"))
    assert loaded.burst_pattern("walk") == {0: True, 1: True}


def test_only_the_instrument_with_the_fault_fails(server, loaded, open_digital):
    other = open_digital("DIG3")
    server.faults.fail_call("DIG3", code=TOO_HOT)
    assert loaded.burst_pattern("walk") == {0: True, 1: True}
    fails(TOO_HOT, other.self_test)


def test_an_overload_of_one_instrument_is_in_its_readings_alone(server, loaded):
    loaded.ppmu_output_function = nidigital.PPMUOutputFunction.VOLTAGE
    loaded.ppmu_voltage_level = 1.0
    loaded.pins["A"].ppmu_source()
    server.faults.over_range("DIG2", lasting=10.0)
    first, second = loaded.pins["A"].ppmu_measure(VOLTAGE)
    assert first == 1.0
    assert math.isnan(second)


def test_an_overload_ends_at_its_time(server, clock, loaded):
    server.faults.over_range("DIG1", after=1.0, lasting=1.0)
    loaded.pins["A"].ppmu_source()
    found = []
    for _ in range(3):
        found.append(math.isnan(loaded.pins["A"].ppmu_measure(VOLTAGE)[0]))
        clock.advance(1.0)
    assert found == [False, True, False]


def test_a_burst_whose_start_trigger_is_lost_does_not_end(server, loaded):
    loaded.start_trigger_type = nidigital.TriggerType.SOFTWARE
    server.faults.lose_triggers("DIG1")
    loaded.burst_pattern("walk", wait_until_done=False)
    loaded.send_software_edge_trigger(START, "")
    assert not loaded.is_done()
    fails(TIMED_OUT, lambda: loaded.wait_until_done(SECOND))
    server.faults.clear()
    loaded.send_software_edge_trigger(START, "")
    loaded.wait_until_done(SECOND)
    assert loaded.get_site_pass_fail() == {0: True, 1: True}


def test_a_burst_without_a_trigger_loses_none(server, loaded):
    server.faults.lose_triggers("DIG1")
    assert loaded.burst_pattern("walk") == {0: True, 1: True}


class TestOnTheBench:
    @pytest.fixture
    def bench(self, bench_file):
        wires = channel("DIG1/0", "net") + channel("DIG1/1", "net")
        return bench_file(EXACT + wires + part("R1", "resistor", "net", "GND", value=1e6))

    def test_a_pattern_fails_in_the_vectors_in_which_its_wire_is_open(
        self, server, timed, tmp_path
    ):
        rows = ["1HX", "1HX", "0LX", "1HX", "1HX", "XXX"]
        timed.load_pattern(str(write_pattern(tmp_path / "walk.digipat", "ABC", rows)))
        timed.history_ram_cycles_to_acquire = nidigital.HistoryRAMCyclesToAcquire.FAILED
        site = timed.sites[0]
        assert site.burst_pattern("walk") == {0: True}
        # A vector takes 1 µs and is compared after 3/4 of it.
        server.bench.disconnect("DIG1/0", after=1e-6, lasting=3e-6)
        assert site.burst_pattern("walk") == {0: False}
        failed = site.fetch_history_ram_cycle_information(0, -1)
        assert [each.vector_number for each in failed] == [1, 3]
        assert site.pins["A", "B"].get_fail_count() == [0, 2]
        assert site.burst_pattern("walk") == {0: True}
