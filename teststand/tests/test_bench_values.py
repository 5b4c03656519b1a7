"""Which readings of the bench are accepted, and the limits for them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import nidmm
import pytest
from bench_values import (
    DMM_INPUT,
    DMM_OHMS,
    LEVEL,
    RESISTORS,
    SMU_CURRENT,
    SMU_VOLTAGE,
    Accuracy,
    check_bench_values,
)
from device_sim.base.serving import load_driver
from device_sim.drivers import list_folders
from processes import ChainError
from readings import SiteReading

DRIVERS = {folder.name: load_driver(folder) for folder in list_folders()}
DCPOWER, DMM = DRIVERS["nidcpower"], DRIVERS["nidmm"]
FINITE = [site for site, ohms in RESISTORS.items() if math.isfinite(ohms)]


def exact(site: int, ohms: float) -> SiteReading:
    """Return the readings of instruments without any error."""
    is_open = math.isinf(ohms)
    current = LEVEL / ohms + LEVEL / DMM_INPUT
    return SiteReading(
        site, LEVEL, current, False, None if is_open else ohms, is_open, DMM_OHMS.step
    )


def test_the_limits_of_error_are_those_of_the_models() -> None:
    smu, dmm = DCPOWER.models.models["4141"], DMM.models.models["4081"]
    for ours, theirs, value in (
        (SMU_VOLTAGE, smu.range_for("voltage", LEVEL).accuracy, LEVEL),
        (SMU_CURRENT, smu.range_for("current", 0.01).accuracy, 1e-3),
        (DMM_OHMS, dmm.accuracy(nidmm.Function.TWO_WIRE_RES.value, 10e3, 5.5), 4700.0),
    ):
        figures = [ours.gain, ours.offset, ours.noise, ours.step]
        due = [theirs.gain, theirs.offset, theirs.noise, theirs.step]
        assert figures == pytest.approx(due, rel=1e-9)
        assert error(ours, value) == pytest.approx(theirs.limit_of_error(value, ours.aperture))
    assert DMM_OHMS.aperture == dmm.apertures[5.5]
    assert DMM.table["input_resistance"].default == DMM_INPUT
    for ours in (SMU_VOLTAGE, SMU_CURRENT):
        assert ours.aperture == DCPOWER.table["aperture_time"].default


@pytest.mark.parametrize("site", RESISTORS)
def test_readings_within_the_limits_of_error_are_accepted(site: int) -> None:
    perfect = exact(site, RESISTORS[site])
    for volts, amperes, ohms in itertools.product((-0.99, 0.0, 0.99), repeat=3):
        reading = replace(
            perfect,
            voltage=perfect.voltage + volts * error(SMU_VOLTAGE, perfect.voltage),
            current=perfect.current + amperes * error(SMU_CURRENT, perfect.current),
        )
        if perfect.dmm_value is not None:
            value = perfect.dmm_value + ohms * error(DMM_OHMS, perfect.dmm_value)
            reading = replace(reading, dmm_value=value)

        check_bench_values([reading])


@pytest.mark.parametrize("site", FINITE)
@pytest.mark.parametrize("factor", [0.5, 0.997, 1.003, 2.0])
def test_a_resistor_that_is_0_3_per_cent_off_is_refused(site: int, factor: float) -> None:
    reading = exact(site, RESISTORS[site] * factor)

    with pytest.raises(ChainError, match=f"site {site}: ohms: .*was expected"):
        check_bench_values([reading])


@pytest.mark.parametrize("site", FINITE)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limited": True}, "in compliance"),
        ({"voltage": 5.9}, "volts: .* but 6 was expected"),
        ({"current": 0.0}, "less than the current of the DMM alone"),
        ({"dmm_value": 6000.0}, "but the SMU says"),
        ({"dmm_value": None, "dmm_out_of_range": True}, "over 1e.04, but the SMU says"),
        ({"dmm_out_of_range": True}, "out of range: True"),
        ({"dmm_value": None}, "out of range: False"),
        ({"dmm_resolution": 0.5}, "absolute resolution 0.5"),
    ],
)
def test_any_wrong_reading_is_refused(site: int, changes: dict[str, Any], message: str) -> None:
    reading = replace(exact(site, RESISTORS[site]), **changes)

    with pytest.raises(ChainError, match=message):
        check_bench_values([reading])


def error(accuracy: Accuracy, value: float) -> float:
    return accuracy.interval(value)[1] - value
