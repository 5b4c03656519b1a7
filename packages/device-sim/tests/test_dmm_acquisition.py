"""The acquisition state machine of NI-DMM, in virtual time."""

from __future__ import annotations

import math
from pathlib import Path

import hightime
import nidmm
import pytest

NOT_INITIATED = -1074118641
MAX_TIME = -1074126845

BENCH = """
[readings]
noise = false
quantization = false
calibration = false

[[connect]]
channel = "DMM1"
hi = "net"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 2.0
resistance = 1.0
"""


@pytest.fixture
def bench(bench_file) -> Path:
    return bench_file(BENCH)


@pytest.fixture
def dmm(open_dmm):
    session = open_dmm("DMM1")
    session.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
    return session


def refused(code, action):
    with pytest.raises(nidmm.errors.DriverError) as caught:
        action()
    assert caught.value.code == code


def test_nothing_can_be_fetched_before_initiate_or_after_abort(dmm):
    refused(NOT_INITIATED, dmm.fetch)
    dmm.initiate()
    dmm.abort()
    refused(NOT_INITIATED, dmm.fetch)
    refused(NOT_INITIATED, dmm.send_software_trigger)


def test_the_status_of_an_acquisition(dmm, clock):
    status = nidmm.AcquisitionStatus
    assert dmm.read_status() == (0, status.NO_ACQUISITION_IN_PROGRESS)
    dmm.configure_multi_point(1, 3)
    dmm.aperture_time = 0.1
    with dmm.initiate():
        assert dmm.read_status() == (0, status.RUNNING)
        clock.advance(0.25)
        assert dmm.read_status() == (2, status.RUNNING)
        clock.advance(0.25)
        assert dmm.read_status() == (3, status.FINISHED_WITH_BACKLOG)
        dmm.fetch_multi_point(3)
        assert dmm.read_status() == (0, status.FINISHED_WITH_NO_BACKLOG)


def test_more_points_than_configured_never_come(dmm):
    dmm.configure_multi_point(sample_count=10, trigger_count=1)
    refused(MAX_TIME, lambda: dmm.read_multi_point(15))
    with dmm.initiate():
        refused(MAX_TIME, lambda: dmm.fetch_multi_point(11, 1))
        assert len(dmm.fetch_multi_point(10)) == 10


def test_more_waveform_points_than_configured_never_come(dmm):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1800000, 100)
    with dmm.initiate():
        refused(MAX_TIME, lambda: dmm.fetch_waveform(200, 1))


def test_maximum_time_is_waited_for_and_no_longer(dmm, clock):
    dmm.aperture_time = 1.0
    with dmm.initiate():
        refused(MAX_TIME, lambda: dmm.fetch(hightime.timedelta(milliseconds=100)))
        assert clock.now() == pytest.approx(0.1)
        dmm.fetch(hightime.timedelta(milliseconds=1000))
        assert clock.now() == pytest.approx(1.0)


def test_delays_and_intervals_take_their_time(dmm, clock):
    dmm.trigger_delay = 0.1
    dmm.settle_time = 0.05
    dmm.aperture_time = 0.01
    dmm.configure_multi_point(1, 3, nidmm.SampleTrigger.INTERVAL, 0.5)
    dmm.read_multi_point(3)
    assert clock.now() == pytest.approx(2 * 0.5 + 0.16)


@pytest.mark.parametrize(("digits", "seconds"), [(5.5, 500e-6), (6.5, 0.1)])
def test_the_aperture_follows_the_digits(dmm, clock, digits, seconds):
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, digits)
    dmm.read()
    assert clock.now() == pytest.approx(seconds)


def test_apertures_in_line_cycles(dmm, clock):
    dmm.powerline_freq = 50.0
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.POWER_LINE_CYCLES
    dmm.aperture_time = 2.0
    dmm.read()
    assert clock.now() == pytest.approx(0.04)


def test_a_software_trigger_starts_each_acquisition(dmm):
    dmm.configure_trigger(nidmm.TriggerSource.SOFTWARE_TRIG)
    dmm.configure_multi_point(2, 3)
    with dmm.initiate():
        refused(MAX_TIME, lambda: dmm.fetch(hightime.timedelta(milliseconds=10)))
        dmm.send_software_trigger()
        assert len(dmm.fetch_multi_point(3)) == 3
        assert dmm.read_status()[1] is nidmm.AcquisitionStatus.RUNNING
        dmm.send_software_trigger()
        assert len(dmm.fetch_multi_point(3)) == 3


def test_samples_without_end_run_until_aborted(dmm):
    dmm.configure_multi_point(1, 0)
    with dmm.initiate():
        for _ in range(5):
            assert len(dmm.fetch_multi_point(100)) == 100
        assert dmm.read_status()[1] is nidmm.AcquisitionStatus.RUNNING


def test_an_overloaded_range_reads_nan_with_a_warning(dmm, server):
    server.bench.set("V1", voltage=11.0)
    with pytest.warns(nidmm.errors.DriverWarning, match="overloads the range") as caught:
        assert math.isnan(dmm.read())
    assert caught[0].message.args[0].startswith("Warning 1073356801")
    dmm.range = 100.0
    assert dmm.read() == pytest.approx(11.0, rel=1e-6)


@pytest.mark.parametrize(
    ("volts", "expected"), [(0.05, 0.1), (0.5, 1.0), (2.0, 10.0), (50.0, 100.0)]
)
def test_auto_range_finds_the_smallest_range(dmm, server, volts, expected):
    server.bench.set("V1", voltage=volts)
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, -1, 5.5)
    assert dmm.read() == pytest.approx(volts, rel=1e-6)
    assert dmm.auto_range_value == expected
    assert dmm.range == -1
    assert dmm.resolution_absolute == pytest.approx(expected / 2e5)


@pytest.mark.parametrize(
    ("absolute", "digits"), [(5e-3, 3.5), (5e-4, 4.5), (5e-5, 5.5), (4e-5, 6.5), (5e-7, 7.5)]
)
def test_a_resolution_in_volts_is_one_in_digits(dmm, absolute, digits):
    dmm.configure_measurement_absolute(nidmm.Function.DC_VOLTS, 10.0, absolute)
    assert dmm.resolution_digits == digits
    assert dmm.resolution_absolute <= absolute * (1 + 1e-9)


@pytest.mark.parametrize(("asked", "taken"), [(1800000, 1800000), (1e6, 900000), (10, 10)])
def test_waveform_rates_divide_the_converters(dmm, asked, taken):
    dmm.waveform_rate = asked
    assert dmm.waveform_rate == pytest.approx(taken)


def test_a_waveform_shows_what_is_on_the_net(dmm):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1800000, 50)
    assert dmm.read_waveform(50) == pytest.approx([2.0] * 50, rel=1e-6)


def test_a_closed_dmm_does_not_load_its_net_any_more(open_dmm, server, clock):
    with open_dmm("DMM1") as dmm:
        dmm.configure_measurement_digits(nidmm.Function.DC_CURRENT, 3.0, 5.5)
        dmm.read()
    assert server.bench.measure("DMM1", clock.now(), clock.now()).voltage == pytest.approx(2.0)


def test_reset_gives_the_defaults(dmm):
    dmm.function = nidmm.Function.PERIOD
    dmm.reset()
    assert dmm.function is nidmm.Function.DC_VOLTS
    assert dmm.range == -1


def test_a_waveform_waits_for_its_trigger(dmm, clock):
    dmm.configure_trigger(nidmm.TriggerSource.SOFTWARE_TRIG, trigger_delay=0.0)
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1000, 10)
    with dmm.initiate():
        clock.advance(1.0)
        assert dmm.read_status() == (0, nidmm.AcquisitionStatus.RUNNING)
        refused(MAX_TIME, lambda: dmm.fetch_waveform(1, hightime.timedelta(milliseconds=10)))
        dmm.send_software_trigger()
        assert dmm.fetch_waveform(10) == pytest.approx([2.0] * 10, rel=1e-6)


def test_a_waveform_is_of_the_time_when_it_was_acquired(dmm, server, clock):
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1000, 10)
    with dmm.initiate():
        clock.advance(0.005)
        server.bench.set("V1", voltage=1.0)
        points = dmm.fetch_waveform(10)
    assert points == pytest.approx([2.0] * 5 + [1.0] * 5, rel=1e-6)


def test_readings_and_waveforms_are_not_mixed_up(dmm):
    with dmm.initiate(), pytest.raises(nidmm.errors.DriverError, match="kind 'waveform'"):
        dmm.fetch_waveform(1)
    dmm.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1000, 10)
    with dmm.initiate(), pytest.raises(nidmm.errors.DriverError, match="kind 'readings'"):
        dmm.fetch()
