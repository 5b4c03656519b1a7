"""The plug-in reports the readings of channels that are connected on a bench."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dcpower_under_test import PLUGIN
from logger_station import Station, running_station

BENCH = """
sites = [0, 1]

[[connect]]
channel = "DCPower1/{site}"
hi = "vdd{site}"

[[part]]
name = "Rload{site}"
kind = "resistor"
a = "vdd{site}"
b = "GND"
value = [100.0, 1000.0]

[readings]
noise = false
quantization = false
calibration = false
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(PLUGIN, tmp_path_factory.mktemp("loaded"), BENCH) as station:
        yield station


def test_only_the_site_that_draws_too_much_current_is_in_compliance(loaded: Station) -> None:
    result = loaded.measure(voltage_level=6.0, current_limit=0.01)

    assert result["voltage_measurements"] == pytest.approx([1.0, 6.0])
    assert result["current_measurements"] == pytest.approx([0.01, 0.006])
    assert result["in_compliance"] == [True, False]
