"""A tester with four sites, used as the DC power and DMM plug-ins use their instruments."""

from __future__ import annotations

import math
from pathlib import Path

import hightime
import nidcpower
import nidmm
import pytest
from every_driver import DCPOWER, DMM

OHMS = (681.0, 1000.0, 2200.0, 4700.0)
LEVEL, LIMIT = 6.0, 0.01


@pytest.fixture
def bench() -> Path:
    return Path(__file__).with_name("four_sites.toml")


def source_and_measure(smu: nidcpower.Session) -> list[tuple[float, float, bool]]:
    """Do as the DC power plug-in on all sites. Return volts, amperes, in compliance."""
    smu.source_mode = nidcpower.SourceMode.SINGLE_POINT
    smu.output_function = nidcpower.OutputFunction.DC_VOLTAGE
    smu.current_limit = LIMIT
    smu.voltage_level_range = LEVEL
    smu.current_limit_range = LIMIT
    smu.source_delay = hightime.timedelta(seconds=0.0)
    smu.voltage_level = LEVEL
    with smu.initiate():
        smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, 0.1)
        readings = [
            (m.voltage, m.current, smu.channels[m.channel].query_in_compliance())
            for m in smu.measure_multiple()
        ]
    smu.reset()
    return readings


def read_ohms(open_dmm, number: int) -> float:
    """Do as the DMM plug-in on one site. Return ohms."""
    dmm = open_dmm(f"DMM{number}")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 10e3, 5.5)
    return dmm.read()


def smu_error(ohms: float) -> float:
    """Return the largest relative error of volts over amperes in the 4141's accuracy."""
    model = DCPOWER.models.models["4141"]
    aperture = float(DCPOWER.table["aperture_time"].default)
    amperes = LEVEL / ohms
    voltage = model.range_for("voltage", LEVEL).accuracy.limit_of_error(LEVEL, aperture) / LEVEL
    current = model.range_for("current", LIMIT).accuracy.limit_of_error(amperes, aperture) / amperes
    return voltage + current


def dmm_error(ohms: float) -> float:
    """Return the largest relative error of the 4081 in its range of 10 kOhm at 5.5 digits."""
    model = DMM.models.models["4081"]
    accuracy = model.accuracy(nidmm.Function.TWO_WIRE_RES.value, 10e3, 5.5)
    return accuracy.limit_of_error(ohms, model.apertures[5.5]) / ohms


def test_each_site_gives_its_resistor_and_the_dmm_agrees(open_dcpower, open_dmm):
    readings = source_and_measure(open_dcpower("DCPower1", options=""))
    for site, (ohms, (volts, amperes, limited)) in enumerate(zip(OHMS, readings, strict=True)):
        assert limited is False
        assert volts / amperes == pytest.approx(ohms, rel=smu_error(ohms))
        read = read_ohms(open_dmm, site + 1)
        assert read == pytest.approx(ohms, rel=dmm_error(ohms))
        assert read == pytest.approx(volts / amperes, rel=smu_error(ohms) + dmm_error(ohms))
        assert volts / amperes != ohms  # The instruments have their own deviations.


@pytest.mark.filterwarnings("ignore::nidmm.errors.DriverWarning")
def test_an_open_site_is_seen_by_both_and_disturbs_no_other(server, open_dcpower, open_dmm):
    server.bench.disconnect("DCPower1/2")
    server.bench.disconnect("DMM3")
    readings = source_and_measure(open_dcpower("DCPower1", options=""))
    offset = DCPOWER.models.models["4141"].range_for("current", LIMIT).accuracy.offset
    volts, amperes, limited = readings[2]
    assert (volts, limited) == (pytest.approx(LEVEL, rel=1e-3), False)
    assert abs(amperes) <= 2 * offset
    assert math.isnan(read_ohms(open_dmm, 3))
    for site in (0, 1, 3):
        assert readings[site][0] / readings[site][1] == pytest.approx(OHMS[site], rel=1e-2)
        assert read_ohms(open_dmm, site + 1) == pytest.approx(OHMS[site], rel=1e-2)


def test_a_short_brings_only_its_own_site_into_compliance(server, open_dcpower):
    server.bench.set("Rload1", value=0)
    readings = source_and_measure(open_dcpower("DCPower1", options=""))
    assert [limited for _, _, limited in readings] == [False, True, False, False]
    assert readings[1][1] == pytest.approx(LIMIT, rel=1e-3)
