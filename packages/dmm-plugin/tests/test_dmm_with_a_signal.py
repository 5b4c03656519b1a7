"""The plug-in reports the readings of a DMM that is connected on a bench."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from dmm_under_test import PLUGIN
from logger_station import Station, running_station

BENCH = """
[[connect]]
channel = "DMM1"
hi = "vout"

[[part]]
name = "Battery"
kind = "source"
a = "vout"
b = "GND"
voltage = 5.0
resistance = 0.001

[readings]
noise = false
quantization = false
calibration = false
"""


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(PLUGIN, tmp_path_factory.mktemp("wired"), BENCH) as station:
        yield station


def test_it_reads_the_voltage_of_its_pin(wired: Station) -> None:
    result = wired.measure(sites=[0], range=10.0)

    assert result["measured_value"] == pytest.approx(5.0, abs=1e-4)
    assert not result["signal_out_of_range"]


def test_a_signal_above_the_range_is_flagged_and_logged_as_null(wired: Station) -> None:
    result = wired.measure(sites=[0], range=1.0)

    assert math.isnan(result["measured_value"])
    assert result["signal_out_of_range"]
    outputs = wired.records()[-1]["measurement_outputs"]
    assert outputs["measured_value"] is None
    assert outputs["signal_out_of_range"] is True
