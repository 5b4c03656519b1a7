"""Fetched LCR measurements belong to their own step and time."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import nidcpower
import pytest
from exact_bench import EXACT

CAPACITANCE = 1e-9
RESISTANCE = 1e6

BENCH = f"""
[[connect]]
channel = "LCR1/0"
hi = "net"

[[part]]
name = "C1"
kind = "capacitor"
a = "net"
b = "GND"
value = {CAPACITANCE}

[[part]]
name = "R1"
kind = "resistor"
a = "net"
b = "GND"
value = {RESISTANCE}
"""

FREQUENCIES = [1e3, 1e4, 1e5]


@pytest.fixture
def bench(bench_file: Callable[[str], Path]) -> Path:
    return bench_file(BENCH + EXACT)


@pytest.fixture
def lcr(open_dcpower):
    session = open_dcpower("LCR1/0", model="4190")
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.lcr_voltage_amplitude = 0.1
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    return session


def impedance(frequency, capacitance=CAPACITANCE):
    return abs(1 / (1 / RESISTANCE + 2j * math.pi * frequency * capacitance))


def test_each_step_is_measured_at_its_own_frequency(lcr):
    lcr.source_mode = nidcpower.SourceMode.SEQUENCE
    lcr.create_advanced_sequence("sweep", ["lcr_frequency"], set_as_active_sequence=True)
    for frequency in FREQUENCIES:
        lcr.create_advanced_sequence_step(set_as_active_step=True)
        lcr.lcr_frequency = frequency
    with lcr.initiate():
        records = lcr.fetch_multiple_lcr(3, timeout=30)
    assert [record.stimulus_frequency for record in records] == FREQUENCIES
    assert [abs(record.z) for record in records] == pytest.approx(
        [impedance(frequency) for frequency in FREQUENCIES], rel=1e-3
    )


def test_a_measurement_is_of_the_time_when_it_was_made(lcr, server, clock):
    lcr.lcr_frequency = 1e4
    with lcr.initiate():
        clock.advance(1.0)
        server.bench.set("C1", value=2 * CAPACITANCE)
        (record,) = lcr.fetch_multiple_lcr(1, timeout=30)
    assert abs(record.z) == pytest.approx(impedance(1e4), rel=1e-3)


def test_a_measurement_takes_the_time_of_its_profile(lcr, clock):
    lcr.source_delay = 0.0
    lcr.lcr_measurement_time = nidcpower.LCRMeasurementTime.CUSTOM
    lcr.lcr_custom_measurement_time = 0.5
    with lcr.initiate():
        began = clock.now()
        lcr.fetch_multiple_lcr(1, timeout=30)
        assert clock.now() - began == pytest.approx(0.5)
