"""Clients that poll come to an end: every status and backlog changes, in real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import nidcpower
import nidmm
import pytest
from device_sim import SystemClock
from exact_bench import EXACT

LONGEST = 30.0  # Seconds after which a loop counts as endless.

BENCH = (
    """
[[connect]]
channel = ["SMU1/0", "SMU1/1"]
hi = "out{site}"

[[connect]]
channel = ["DMM1", "DMM2"]
hi = "out{site}"

[[part]]
name = "R{site}"
kind = "resistor"
a = "out{site}"
b = "GND"
value = 1000.0
"""
    + EXACT
)

STATUS = nidmm.AcquisitionStatus


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture(params=["unwired", "wired"])
def bench(request: pytest.FixtureRequest, bench_file: Callable[[str], Path]) -> Path | None:
    return None if request.param == "unwired" else bench_file("sites = [0, 1]\n" + BENCH)


def poll(condition: Callable[[], bool]) -> None:
    """Ask until the condition is true, as a client's loop does."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "the status never moved"
        time.sleep(0.002)


# NI-DCPower.


@pytest.fixture
def smus(open_dcpower):
    session = open_dcpower("SMU1/0-1", model="4141")
    session.aperture_time = 0.002
    session.source_delay = 0.001
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    return session


def test_the_backlog_of_a_channel_grows_to_the_record_and_shrinks_when_fetched(smus):
    smus.measure_record_length = 5
    channel = smus.channels["SMU1/1"]
    with smus.initiate():
        poll(lambda: channel.fetch_backlog == 5)
        channel.fetch_multiple(3)
        assert channel.fetch_backlog == 2
        channel.fetch_multiple(2)
        assert channel.fetch_backlog == 0


def test_the_backlog_of_a_session_serves_a_loop_over_its_channels(smus):
    smus.measure_record_length = 20
    taken = {"SMU1/0": 0, "SMU1/1": 0}
    with smus.initiate():
        for name in taken:

            def fetch(name: str = name) -> bool:
                count = smus.fetch_backlog
                taken[name] += len(smus.channels[name].fetch_multiple(count))
                return taken[name] >= 20

            poll(fetch)
    assert taken == {"SMU1/0": 20, "SMU1/1": 20}


def test_the_backlog_of_a_session_is_what_each_channel_can_give(smus):
    smus.channels["SMU1/0"].measure_record_length = 3
    smus.channels["SMU1/1"].measure_record_length = 6
    with smus.initiate():
        poll(lambda: smus.channels["SMU1/1"].fetch_backlog == 6)
        assert smus.fetch_backlog == 3
        assert smus.channels["SMU1/1,SMU1/0"].fetch_backlog == 3
        smus.channels["SMU1/0"].fetch_multiple(3)
        assert smus.fetch_backlog == 6
        smus.channels["SMU1/1"].fetch_multiple(6)
        assert smus.fetch_backlog == 0


def test_a_session_of_which_one_channel_runs_has_its_backlog(smus):
    with smus.channels["SMU1/1"].initiate():
        poll(lambda: smus.fetch_backlog == 1)


def test_every_event_of_a_sequence_comes(smus):
    smus.source_mode = nidcpower.SourceMode.SEQUENCE
    smus.set_sequence([1.0, 2.0], [0.001] * 2)
    event = nidcpower.Event
    with smus.initiate():
        for one in (
            event.SOURCE_COMPLETE,
            event.MEASURE_COMPLETE,
            event.SEQUENCE_ITERATION_COMPLETE,
            event.SEQUENCE_ENGINE_DONE,
        ):
            smus.wait_for_event(one, timeout=LONGEST)


def test_the_state_of_an_output_follows_its_settings(smus, server):
    smu = smus.channels["SMU1/0"]
    states = nidcpower.OutputStates
    smu.voltage_level = 2.0
    smu.current_limit_range = smu.current_limit = 0.01
    with smus.initiate():
        poll(lambda: smu.query_output_state(states.CONSTANT_VOLTAGE))
        assert not smu.query_in_compliance()
        if server.bench.is_wired("SMU1/0"):
            server.bench.set("R0", value=10.0)
            poll(lambda: smu.query_in_compliance())
            poll(lambda: smu.query_output_state(states.CONSTANT_CURRENT))


def test_a_cutoff_trips_without_a_measurement(open_dcpower, server):
    if not server.bench.is_wired("SMU1/0"):
        pytest.skip("an output that is wired to nothing never leaves its level")
    smu = open_dcpower("SMU1/0", model="4139")
    smu.voltage_level = 2.0
    smu.current_limit_range = smu.current_limit = 1.0
    smu.output_cutoff_current_measure_limit_high = 0.01
    smu.output_cutoff_enabled = True
    reason = nidcpower.OutputCutoffReason.CURRENT_MEASURE_HIGH
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, timeout=LONGEST)
        assert not smu.query_latched_output_cutoff_state(reason)
        server.bench.set("R0", value=10.0)
        poll(lambda: smu.query_latched_output_cutoff_state(reason))


# NI-DMM.


@pytest.fixture
def dmm(open_dmm):
    return open_dmm("DMM1", model="4082")


def test_a_waveform_that_is_fetched_in_pieces_ends(dmm):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1000, 10)
    points: list[float] = []

    def fetch() -> bool:
        backlog, status = dmm.read_status()
        if status is not STATUS.FINISHED_WITH_NO_BACKLOG:
            points.extend(dmm.fetch_waveform(array_size=backlog))
        return status is STATUS.FINISHED_WITH_NO_BACKLOG

    with dmm.initiate():
        poll(fetch)
    assert len(points) == 10


def test_the_status_of_a_waveform_moves(dmm):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 100, 10)
    assert dmm.read_status() == (0, STATUS.NO_ACQUISITION_IN_PROGRESS)
    with dmm.initiate():
        poll(lambda: dmm.read_status()[0] > 0)
        poll(lambda: dmm.read_status() == (10, STATUS.FINISHED_WITH_BACKLOG))
        assert len(dmm.fetch_waveform(4)) == 4
        assert dmm.read_status() == (6, STATUS.FINISHED_WITH_BACKLOG)
        assert len(dmm.fetch_waveform(6)) == 6
        assert dmm.read_status() == (0, STATUS.FINISHED_WITH_NO_BACKLOG)
    assert dmm.read_status() == (0, STATUS.NO_ACQUISITION_IN_PROGRESS)


def test_a_waveform_has_each_point_once(dmm):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1000, 6)
    with dmm.initiate():
        assert len(dmm.fetch_waveform(6)) == 6
        with pytest.raises(nidmm.errors.DriverError):
            dmm.fetch_waveform(1, 10)


def test_several_points_that_are_fetched_in_pieces_end(dmm):
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10, 5.5)
    dmm.configure_multi_point(trigger_count=2, sample_count=5)
    readings: list[float] = []

    def fetch() -> bool:
        backlog, status = dmm.read_status()
        if backlog:
            readings.extend(dmm.fetch_multi_point(backlog))
        return status is STATUS.FINISHED_WITH_NO_BACKLOG

    with dmm.initiate():
        poll(fetch)
    assert len(readings) == 10


def test_a_single_reading_finishes(dmm):
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10, 5.5)
    with dmm.initiate():
        poll(lambda: dmm.read_status() == (1, STATUS.FINISHED_WITH_BACKLOG))
        dmm.fetch()
        assert dmm.read_status() == (0, STATUS.FINISHED_WITH_NO_BACKLOG)


def test_late_measurements_of_an_endless_run_take_little_time(open_dcpower, open_dmm):
    smu = open_dcpower("SMU1/0", model="4139")
    smu.aperture_time = 1e-5
    smu.source_mode = nidcpower.SourceMode.SEQUENCE
    smu.sequence_loop_count_is_finite = False
    smu.set_sequence([1.0, 2.0] * 100, [0.0] * 200)
    dmm = open_dmm("DMM2", model="4082")
    dmm.configure_multi_point(trigger_count=1, sample_count=0)
    with smu.initiate(), dmm.initiate():
        poll(lambda: smu.fetch_backlog > 100 and dmm.read_status()[0] > 100)
        time.sleep(1.0)  # time in which no client asks
        began = time.monotonic()
        assert dmm.read_status()[1] is STATUS.RUNNING
        assert time.monotonic() - began < LONGEST
