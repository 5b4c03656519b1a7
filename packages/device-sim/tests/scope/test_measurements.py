"""Measurements agree with the closed forms of sines, square waves and ramps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from device_sim.drivers.niscope.measure import arrays
from device_sim.drivers.niscope.measure.arrays import Wave
from device_sim.drivers.niscope.measure.scalars import Scalars
from niscope import ArrayMeasurement, PercentageMethod, RefLevelUnits, ScalarMeasurement

RATE = 1e6
TIMES = np.arange(10_000) / RATE
SETTINGS = {
    "meas_percentage_method": PercentageMethod.BASETOP.value,
    "meas_ref_level_units": RefLevelUnits.PERCENTAGE.value,
    "meas_chan_low_ref_level": 10.0,
    "meas_chan_mid_ref_level": 50.0,
    "meas_chan_high_ref_level": 90.0,
    "meas_hysteresis_percent": 2.0,
    "meas_array_gain": 3.0,
    "meas_array_offset": 0.5,
    "meas_last_acq_histogram_size": 100,
}
SINE = 1.5 + 2.0 * np.sin(2 * np.pi * 1000.0 * TIMES + 0.3)
# 1 kHz, from -1 V to 3 V, 30 % high, with linear edges of 20 µs.
PHASE = (TIMES * 1000.0 + 0.25) % 1.0
SQUARE = -1.0 + 4.0 * np.clip(np.minimum(PHASE / 0.02, (0.32 - PHASE) / 0.02), 0.0, 1.0)


def measured(volts, name: str, other=None, **settings) -> float:
    get = {**SETTINGS, **settings}.__getitem__
    second = Scalars(SINE if other is None else other, RATE, get, lambda: second)
    scalars = Scalars(volts, RATE, get, lambda: second)
    return scalars.measure(ScalarMeasurement[name].value)


@pytest.mark.parametrize(
    "name,expected",
    {
        "FREQUENCY": 1000.0,
        "PERIOD": 1e-3,
        "AVERAGE_FREQUENCY": 1000.0,
        "AVERAGE_PERIOD": 1e-3,
        "VOLTAGE_MAX": 3.5,
        "VOLTAGE_MIN": -0.5,
        "VOLTAGE_HIGH": 3.5,
        "VOLTAGE_LOW": -0.5,
        "VOLTAGE_TOP": 3.5,
        "VOLTAGE_BASE": -0.5,
        "VOLTAGE_PEAK_TO_PEAK": 4.0,
        "AMPLITUDE": 4.0,
        "VOLTAGE_BASE_TO_TOP": 4.0,
        "VOLTAGE_AVERAGE": 1.5,
        "VOLTAGE_CYCLE_AVERAGE": 1.5,
        "VOLTAGE_RMS": math.sqrt(1.5**2 + 2.0),
        "VOLTAGE_CYCLE_RMS": math.sqrt(1.5**2 + 2.0),
        "DC_ESTIMATE": 1.5,
        "AC_ESTIMATE": math.sqrt(2.0),
        "RISE_TIME": 2 * math.asin(0.8) / (2 * math.pi * 1000.0),
        "FALL_TIME": 2 * math.asin(0.8) / (2 * math.pi * 1000.0),
        "WIDTH_POS": 0.5e-3,
        "WIDTH_NEG": 0.5e-3,
        "DUTY_CYCLE_POS": 50.0,
        "DUTY_CYCLE_NEG": 50.0,
        "LOW_REF_VOLTS": -0.1,
        "MID_REF_VOLTS": 1.5,
        "HIGH_REF_VOLTS": 3.1,
        "AREA": 0.015,
        "INTEGRAL": 0.015,
        "CYCLE_AREA": 1.5e-3,
        "FFT_FREQUENCY": 1000.0,
        "FFT_AMPLITUDE": math.sqrt(2.0),
        "RISE_SLEW_RATE": 3.2 / (2 * math.asin(0.8) / (2 * math.pi * 1000.0)),
        "FALL_SLEW_RATE": -3.2 / (2 * math.asin(0.8) / (2 * math.pi * 1000.0)),
    }.items(),
)
def test_a_sine(name, expected):
    assert measured(SINE, name) == pytest.approx(expected, rel=2e-3, abs=1e-3 * abs(expected))


@pytest.mark.parametrize(
    "name,expected",
    {
        "VOLTAGE_HIGH": 3.0,
        "VOLTAGE_LOW": -1.0,
        "AMPLITUDE": 4.0,
        "OVERSHOOT": 0.0,
        "PRESHOOT": 0.0,
        "RISE_TIME": 16e-6,
        "FALL_TIME": 16e-6,
        "WIDTH_POS": 0.3e-3,
        "WIDTH_NEG": 0.7e-3,
        "DUTY_CYCLE_POS": 30.0,
        "DUTY_CYCLE_NEG": 70.0,
        "PERIOD": 1e-3,
        "RISE_SLEW_RATE": 4.0 / 20e-6,
        "VOLTAGE_CYCLE_AVERAGE": -1.0 + 4.0 * 0.3,
    }.items(),
)
def test_a_square_wave(name, expected):
    assert measured(SQUARE, name) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_over_and_preshoot_are_percents_of_the_amplitude():
    bumps = SQUARE.copy()
    bumps[np.argmax(SQUARE)] += 0.4
    bumps[np.argmin(SQUARE)] -= 0.2
    assert measured(bumps, "OVERSHOOT") == pytest.approx(10.0)
    assert measured(bumps, "PRESHOOT") == pytest.approx(5.0)


def test_delay_and_phase_are_those_to_the_other_channel():
    later = 1.5 + 2.0 * np.sin(2 * np.pi * 1000.0 * (TIMES - 50e-6) + 0.3)
    assert measured(SINE, "TIME_DELAY", later) == pytest.approx(50e-6, rel=1e-4)
    assert measured(SINE, "PHASE_DELAY", later) == pytest.approx(18.0, rel=1e-4)


def test_references_may_be_volts_or_follow_minimum_and_maximum():
    volts = {"meas_ref_level_units": RefLevelUnits.VOLTS.value, "meas_chan_mid_ref_level": 0.25}
    assert measured(SINE, "MID_REF_VOLTS", **volts) == 0.25
    spike = SQUARE.copy()
    spike[10] = 7.0
    extremes = {"meas_percentage_method": PercentageMethod.MINMAX.value}
    assert measured(spike, "MID_REF_VOLTS") == pytest.approx(1.0)
    assert measured(spike, "MID_REF_VOLTS", **extremes) == pytest.approx(3.0)


def test_noise_at_an_edge_does_not_make_edges():
    noise = np.random.default_rng(1).normal(0.0, 0.01, len(TIMES))
    assert measured(SINE + noise, "AVERAGE_FREQUENCY") == pytest.approx(1000.0, rel=1e-3)


@pytest.mark.parametrize("name", ["PERIOD", "RISE_TIME", "WIDTH_POS", "OVERSHOOT", "TIME_DELAY"])
def test_a_constant_has_no_edges(name):
    assert math.isnan(measured(np.full(100, 2.0), name))
    assert math.isnan(measured(np.array([2.0]), name))


@pytest.mark.parametrize("name", [each.name for each in ScalarMeasurement])
@pytest.mark.parametrize("volts", [np.array([1.0]), np.array([0.0, 1.0]), np.zeros(50)], ids=len)
def test_any_waveform_can_be_measured(name, volts):
    assert isinstance(measured(volts, name, other=volts), float)


def wave(volts, other=SINE) -> Wave:
    return Wave(np.asarray(volts, float), RATE, -1e-3, SETTINGS.__getitem__, lambda: other)


def made(name: str, volts, other=SINE):
    return arrays.apply(ArrayMeasurement[name].value, wave(volts, other))


@pytest.mark.parametrize(
    "name,expected",
    {
        "NO_MEASUREMENT": SINE,
        "ARRAY_GAIN": 3.0 * SINE,
        "ARRAY_OFFSET": SINE + 0.5,
        "INVERSE": 1.0 / SINE,
        "ADD_CHANNELS": SINE + SQUARE,
        "SUBTRACT_CHANNELS": SINE - SQUARE,
        "MULTIPLY_CHANNELS": SINE * SQUARE,
        "DIVIDE_CHANNELS": SINE / SQUARE,
    }.items(),
)
def test_an_array_measurement_is_done_for_each_sample(name, expected):
    assert made(name, SINE, SQUARE).values == pytest.approx(expected)


def test_derivative_and_integral_are_those_of_a_sine():
    slope = 2.0 * 2 * np.pi * 1000.0 * np.cos(2 * np.pi * 1000.0 * TIMES + 0.3)
    assert made("DERIVATIVE", SINE).values[1:-1] == pytest.approx(slope[1:-1], abs=1.0)
    integral = made("ARRAY_INTEGRAL", SINE).values
    assert integral[0] == 0.0
    assert integral[1000] == pytest.approx(1.5e-3, rel=1e-6)


def test_spectra_have_the_lines_of_a_sine():
    rms, db = made("FFT_AMP_SPECTRUM_VOLTS_RMS", SINE), made("FFT_AMP_SPECTRUM_DB", SINE)
    phase = made("FFT_PHASE_SPECTRUM", SINE)
    assert len(rms.values) == 5000
    assert 1.0 / rms.rate == pytest.approx(100.0)  # hertz from line to line
    assert rms.values[0] == pytest.approx(1.5)
    assert rms.values[10] == pytest.approx(math.sqrt(2.0))
    assert db.values[10] == pytest.approx(10.0 * math.log10(2.0))
    assert phase.values[10] == pytest.approx(math.degrees(0.3) - 90.0)


@pytest.mark.parametrize("name", ["HANNING", "HAMMING", "BLACKMAN", "TRIANGLE", "FLAT_TOP"])
def test_windows_are_1_in_the_middle_and_small_at_the_ends(name):
    values = made(f"{name}_WINDOW", np.ones(101)).values
    assert values[50] == pytest.approx(1.0, abs=1e-6)
    assert abs(values[0]) < 0.1
    assert values == pytest.approx(values[::-1])


def test_a_histogram_counts_every_sample():
    found = made("LAST_ACQ_HISTOGRAM", SQUARE)
    assert len(found.values) == 100
    assert found.values.sum() == len(SQUARE)
    assert np.argmax(found.values) == 0  # The wave is low for most of the time.
