"""Events come after the programmed delays and apertures, and are taken only once."""

from __future__ import annotations

import nidcpower
import pytest
from driver_refusals import WAIT_TIMEOUT, refused


def test_source_complete_comes_after_the_source_delay(smu, clock):
    smu.source_delay = 0.25
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        assert clock.now() == pytest.approx(0.25)


def test_waiting_ends_with_nis_code_when_the_event_does_not_come(smu, clock):
    smu.source_delay = 0.25
    with smu.initiate():
        refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.1))
        assert clock.now() == pytest.approx(0.1)
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.2)
        assert clock.now() == pytest.approx(0.25)


def test_an_event_is_taken_by_the_wait_for_it(smu):
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        refused(WAIT_TIMEOUT, lambda: smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 1.0))


def test_a_new_level_while_running_makes_a_new_event(smu, clock):
    smu.source_delay = 0.1
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        smu.voltage_level = 2.0
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        assert clock.now() == pytest.approx(0.2)
        assert smu.measure(nidcpower.MeasurementTypes.VOLTAGE) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("aperture", "units", "seconds"),
    [
        (0.5, nidcpower.ApertureTimeUnits.SECONDS, 0.5),
        (3, nidcpower.ApertureTimeUnits.POWER_LINE_CYCLES, 0.05),
    ],
)
def test_a_measurement_takes_its_aperture(smu, clock, aperture, units, seconds):
    smu.configure_aperture_time(aperture, units)
    with smu.initiate():
        smu.measure_multiple()
    assert clock.now() == pytest.approx(seconds)


def test_channels_are_measured_at_the_same_time(open_dcpower, clock):
    session = open_dcpower("SMU2", model="4162")
    session.aperture_time = 0.1
    with session.initiate():
        session.measure_multiple()
    assert clock.now() == pytest.approx(0.1)
