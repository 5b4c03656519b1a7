"""Noise, steps, gain and offset of readings, at a fixed seed."""

from __future__ import annotations

from pathlib import Path

import hightime
import nidcpower
import nidmm
import numpy as np
import pytest
from device_sim.bench import Accuracy, Converter, Imperfections
from every_driver import DCPOWER, DMM
from hypothesis import given
from hypothesis import strategies as st

BENCH = """
[readings]
seed = 7
{options}

[[connect]]
channel = "SMU1/0"
hi = "net"

[[connect]]
channel = "SMU1/1"
hi = "other"

[[connect]]
channel = "DMM1"
hi = "net"

[[part]]
name = "R1"
kind = "resistor"
a = "net"
b = "GND"
value = 1000.0

[[part]]
name = "R2"
kind = "resistor"
a = "other"
b = "GND"
value = 1000.0
"""


@pytest.fixture
def bench(request, bench_file) -> Path:
    return bench_file(BENCH.format(options=getattr(request, "param", "")))


def only(*kept: str):
    off = [name for name in ("noise", "quantization", "calibration") if name not in kept]
    options = "\n".join(f"{name} = false" for name in off)
    return pytest.mark.parametrize("bench", [options], indirect=True, ids=[" ".join(kept)])


def volts(session, count: int, aperture: float) -> np.ndarray:
    session.aperture_time = aperture
    session.voltage_level = 1.0
    session.current_limit = 0.1
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    session.measure_record_length = count
    with session.initiate():
        records = session.fetch_multiple(count, hightime.timedelta(seconds=count * aperture + 1))
    return np.array([record.voltage for record in records])


@only("noise")
def test_variance_falls_in_proportion_to_the_aperture(open_dcpower):
    session = open_dcpower("SMU1/0")
    apertures = np.array([1e-3, 1e-2, 1e-1])
    variances = np.array([volts(session, 2000, aperture).var(ddof=1) for aperture in apertures])
    expected = DCPOWER.models.models["4141"].ranges["voltage"][0].accuracy.noise ** 2 / apertures
    # The variance of 2000 samples is known to 3.2 %; five times that would be an error.
    assert variances / expected == pytest.approx(np.ones(3), abs=0.16)


@only("noise")
def test_noise_is_unbiased_and_white(open_dcpower):
    readings = volts(open_dcpower("SMU1/0"), 4000, 1e-3) - 1.0
    sigma = readings.std(ddof=1)
    assert abs(readings.mean()) < 5 * sigma / np.sqrt(len(readings))
    correlation = np.corrcoef(readings[:-1], readings[1:])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(readings))


@only("noise")
def test_the_noise_of_a_dmm_follows_its_range(open_dmm):
    dmm = open_dmm("DMM1")
    model = DMM.models.models["4081"]
    for range_ in (0.1, 10.0):
        dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, range_, 6.5)
        dmm.aperture_time = 0.01
        dmm.configure_multi_point(1, 1000)
        readings = np.array(dmm.read_multi_point(1000))
        assert readings.std(ddof=1) == pytest.approx(model.noise * 1e-6 * range_ / 0.1, rel=0.12)


def test_a_seed_gives_the_same_readings_again(bench, clock, open_dcpower):
    first = volts(open_dcpower("SMU1/0"), 5, 1e-3)
    again = Converter("smu1/0 voltage", Imperfections(seed=7))
    accuracy = DCPOWER.models.models["4141"].ranges["voltage"][0].accuracy
    assert [again.convert(1.0, accuracy, 1e-3) for _ in range(5)] == pytest.approx(first, rel=1e-10)
    other = Converter("smu1/0 voltage", Imperfections(seed=8))
    assert other.convert(1.0, accuracy, 1e-3) != pytest.approx(first[0], rel=1e-10)


@only("calibration")
def test_channels_have_gains_and_offsets_of_their_own_within_the_accuracy(open_dcpower):
    session = open_dcpower("SMU1/0,SMU1/1")
    session.voltage_level = 5.0
    with session.initiate():
        first, second = session.measure_multiple()
    accuracy = DCPOWER.models.models["4141"].ranges["voltage"][0].accuracy
    limit = 5.0 * accuracy.gain + accuracy.offset
    assert first.voltage != second.voltage
    assert abs(first.voltage - 5.0) <= limit
    assert abs(second.voltage - 5.0) <= limit


@only("quantization")
@pytest.mark.parametrize("digits", [3.5, 4.5, 5.5, 6.5])
def test_a_dmm_reads_whole_steps_of_its_resolution(open_dmm, open_dcpower, digits):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    smu.voltage_level = 1.23456789
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, digits)
    with smu.initiate():
        steps = dmm.read() / dmm.resolution_absolute
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert steps * dmm.resolution_absolute == pytest.approx(1.23456789, abs=dmm.resolution_absolute)


@only()
def test_without_imperfections_readings_are_exact(open_dcpower):
    assert volts(open_dcpower("SMU1/0"), 3, 1e-3) == pytest.approx([1.0] * 3, rel=1e-12)


finite = st.floats(-1e3, 1e3)


@given(value=finite, seed=st.integers(0, 2**31), name=st.text(max_size=8))
def test_a_converter_stays_within_its_accuracy(value, seed, name):
    accuracy = Accuracy(gain=1e-4, offset=1e-3, noise=0.0, step=1e-6)
    read = Converter(name, Imperfections(noise=False, seed=seed)).convert(value, accuracy, 1.0)
    assert abs(read - value) <= accuracy.limit_of_error(value, 1.0) * (1 + 1e-6)


def test_noise_stays_within_the_limit_of_error_at_the_aperture_that_it_is_for():
    accuracy = Accuracy(gain=0.0, offset=0.0, noise=1e-3, step=0.0)
    converter = Converter("noise", Imperfections(calibration=False, quantization=False))
    errors = np.abs([converter.convert(1.0, accuracy, 500e-6) - 1.0 for _ in range(1000)])
    assert errors.max() <= accuracy.limit_of_error(1.0, 500e-6)
    assert errors.max() > accuracy.limit_of_error(1.0, 1.0)
