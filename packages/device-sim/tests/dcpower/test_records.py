"""A record has the configured number of measurements, one for each aperture."""

from __future__ import annotations

import math

import nidcpower
import pytest
from driver_refusals import FETCH_TIMEOUT, refused


def test_the_time_between_records_is_the_aperture(smu):
    smu.aperture_time = 0.002
    assert smu.measure_record_delta_time.total_seconds() == pytest.approx(0.002)


def test_a_finite_record_has_as_many_measurements_as_configured(smu):
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    smu.measure_record_length = 4
    with smu.initiate():
        assert len(smu.fetch_multiple(4)) == 4
        refused(FETCH_TIMEOUT, lambda: smu.fetch_multiple(1))


def test_an_infinite_record_goes_on(smu):
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    smu.measure_record_length_is_finite = False
    with smu.initiate():
        assert len(smu.fetch_multiple(50, timeout=60.0)) == 50
    assert math.isfinite(smu.measure(nidcpower.MeasurementTypes.VOLTAGE))
