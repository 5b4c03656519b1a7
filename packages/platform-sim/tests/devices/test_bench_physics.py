"""Readings on a bench against closed forms, with the instruments' own deviations off.

Time is virtual, so that a reading depends on programmed delays and apertures only.
"""

from __future__ import annotations

import math
from pathlib import Path

import nidcpower
import nidmm
import numpy as np
import pytest

EXACT = """
[readings]
noise = false
quantization = false
calibration = false
"""

RELATIVE = 1e-9


@pytest.fixture
def bench(request, tmp_path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(request.param + EXACT, encoding="utf-8")
    return path


def wired_to(content: str):
    return pytest.mark.parametrize("bench", [content], indirect=True, ids=["bench"])


def source_volts(channel, level, *, limit=0.1, delay=0.0, aperture=1e-3):
    channel.voltage_level = level
    channel.current_limit_range = limit
    channel.current_limit = limit
    channel.source_delay = delay
    channel.aperture_time = aperture
    return channel.initiate()


def measure(channel):
    (measurement,) = channel.measure_multiple()
    return measurement


RESISTOR = """
[[connect]]
channel = "SMU1/0"
hi = "out"

[[part]]
name = "R1"
kind = "resistor"
a = "out"
b = "GND"
value = 1000.0
"""


@wired_to(RESISTOR)
@pytest.mark.parametrize("ohms", [1.0, 470.0, 1e3, 2.2e6])
def test_a_resistor_takes_the_current_of_ohms_law(server, open_dcpower, ohms):
    server.bench.set("R1", value=ohms)
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 0.05):
        measured = measure(channel)
    assert measured.voltage == pytest.approx(0.05, rel=RELATIVE)
    assert measured.current == pytest.approx(0.05 / ohms, rel=RELATIVE)


@wired_to(RESISTOR)
@pytest.mark.parametrize("sign", [1, -1])
def test_at_its_current_limit_an_smu_sources_the_limit(server, open_dcpower, sign):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, sign * 8.0, limit=0.001):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
        assert channel.query_output_state(nidcpower.OutputStates.CONSTANT_CURRENT) is True
        assert channel.query_output_state(nidcpower.OutputStates.CONSTANT_VOLTAGE) is False
    assert measured.current == pytest.approx(sign * 0.001, rel=RELATIVE)
    assert measured.voltage == pytest.approx(sign * 1.0, rel=RELATIVE)


@wired_to(RESISTOR)
@pytest.mark.parametrize(("ohms", "limited"), [(999.0, True), (1001.0, False)])
def test_compliance_begins_at_the_load_line(server, open_dcpower, ohms, limited):
    server.bench.set("R1", value=ohms)
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 1.0, limit=0.001):
        assert channel.query_in_compliance() is limited


@wired_to(RESISTOR)
@pytest.mark.parametrize(("amperes", "limited"), [(1e-3, False), (-1e-3, False), (9e-3, True)])
def test_a_current_source_is_limited_in_voltage(open_dcpower, amperes, limited):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level_range = 0.01
    channel.current_level = amperes
    channel.voltage_limit = 5.0
    channel.source_delay = 0.0
    with channel.initiate():
        measured = measure(channel)
        assert channel.query_in_compliance() is limited
    volts = 5.0 if limited else 1000.0 * amperes
    assert measured.voltage == pytest.approx(volts, rel=RELATIVE)
    assert measured.current == pytest.approx(volts / 1000.0, rel=RELATIVE)


@wired_to(RESISTOR.replace('kind = "resistor"', 'kind = "open"').replace("value = 1000.0", ""))
def test_a_current_source_with_an_open_circuit_goes_to_its_voltage_limit(open_dcpower):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level_range = 0.01
    channel.current_level = -0.001
    channel.voltage_limit = 4.0
    with channel.initiate():
        measured = measure(channel)
    assert measured.voltage == pytest.approx(-4.0, rel=RELATIVE)
    assert measured.current == pytest.approx(0.0, abs=1e-15)


@wired_to(RESISTOR.replace('kind = "resistor"', 'kind = "short"').replace("value = 1000.0", ""))
def test_into_a_short_an_smu_sources_its_limit(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 6.0, limit=0.01):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
    assert measured.current == pytest.approx(0.01, rel=RELATIVE)
    assert abs(measured.voltage) < 1e-6


DIVIDER = """
[[connect]]
channel = "SMU1/0"
hi = "top"

[[connect]]
channel = "DMM1"
hi = "middle"

[[part]]
name = "R1"
kind = "resistor"
a = "top"
b = "middle"
value = 30e3

[[part]]
name = "R2"
kind = "resistor"
a = "middle"
b = "GND"
value = 10e3
"""


@wired_to(DIVIDER)
def test_a_dmm_loads_the_divider_that_it_measures(open_dcpower, open_dmm):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    dmm.input_resistance = 10e6
    with source_volts(smu, 8.0):
        read = dmm.read()
    loaded = 1.0 / (1.0 / 10e3 + 1.0 / 10e6)
    assert read == pytest.approx(8.0 * loaded / (30e3 + loaded), rel=RELATIVE)


@wired_to(DIVIDER)
def test_a_resistor_across_a_dmm_reads_its_ohms(open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 100e3, 6.5)
    assert dmm.read() == pytest.approx(10e3, rel=RELATIVE)


@pytest.mark.filterwarnings("ignore::nidmm.errors.DriverWarning")
@wired_to(DIVIDER)
def test_ohms_of_an_open_circuit_are_not_a_number(server, open_dmm):
    server.bench.disconnect("DMM1")
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 100e3, 6.5)
    assert math.isnan(dmm.read())
    server.bench.reconnect("DMM1")
    assert dmm.read() == pytest.approx(10e3, rel=RELATIVE)


SERIES_DMM = """
[[connect]]
channel = "SMU1/0"
hi = "top"

[[connect]]
channel = "DMM1"
hi = "low_side"

[[part]]
name = "R1"
kind = "resistor"
a = "top"
b = "low_side"
value = 1000.0
"""


@wired_to(SERIES_DMM)
def test_smu_and_ammeter_agree(open_dcpower, open_dmm):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_CURRENT, 0.01, 6.5)
    with source_volts(smu, 5.0), dmm.initiate():
        sourced = measure(smu)
        assert dmm.read() == pytest.approx(sourced.current, rel=RELATIVE)
    assert sourced.current == pytest.approx(5.0 / 1010.0, rel=RELATIVE)  # 0.1 V burden at 10 mA


RC = """
[[connect]]
channel = "SMU1/0"
hi = "drive"

[[connect]]
channel = "DMM1"
hi = "cap"

[[part]]
name = "R1"
kind = "resistor"
a = "drive"
b = "cap"
value = 10e3

[[part]]
name = "C1"
kind = "capacitor"
a = "cap"
b = "GND"
value = 1e-6
esr = 1.0
"""

TAU = (10e3 + 1.0) * 1e-6


@wired_to(RC)
@pytest.mark.parametrize("delay", [0.0, 1e-3, 0.02, 0.1])
@pytest.mark.parametrize("aperture", [1e-5, 5e-3])
def test_charging_a_capacitor_follows_the_exponential(open_dcpower, delay, aperture):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 5.0, delay=delay, aperture=aperture):
        (record,) = smu.fetch_multiple(1)
    start, end = math.exp(-delay / TAU), math.exp(-(delay + aperture) / TAU)
    mean = 5.0 / 10001.0 * (start - end) * TAU / aperture
    assert record.current == pytest.approx(mean, rel=RELATIVE)


@wired_to(RC)
def test_a_dmm_sees_the_capacitor_charge(open_dcpower, open_dmm, clock):
    smu, dmm = open_dcpower("SMU1/0"), open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    dmm.input_resistance = 1e10
    dmm.aperture_time = 1e-4
    dmm.configure_multi_point(1, 20, nidmm.SampleTrigger.INTERVAL, 2e-3)
    with source_volts(smu, 5.0), dmm.initiate():
        readings = dmm.fetch_multi_point(20)
    # Node voltage behind R1: the capacitor's, plus the drop across its series resistance.
    loaded = 1e10 / (1e10 + 10e3)
    tau = 1e-6 * (1.0 + 10e3 * loaded)
    begin = 2e-3 * np.arange(20)
    mean = (np.exp(-begin / tau) - np.exp(-(begin + 1e-4) / tau)) * tau / 1e-4
    fast = 5.0 * loaded * (1.0 - (1.0 - 1.0 / (1.0 + 10e3 * loaded)) * mean)
    assert readings == pytest.approx(fast, rel=RELATIVE)


@wired_to(RC)
def test_charging_at_the_current_limit_is_linear_and_then_exponential(open_dcpower, clock):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 10.0, limit=1e-4, delay=0.005, aperture=1e-5):
        (early,) = smu.fetch_multiple(1)
    assert early.in_compliance is True
    assert early.current == pytest.approx(1e-4, rel=RELATIVE)
    # V = I * (R + ESR) + I * t / C, averaged over the aperture, as long as that is below 10 V.
    volts = 1e-4 * (10001.0 + (0.005 + 0.5e-5) / 1e-6)
    assert early.voltage == pytest.approx(volts, rel=RELATIVE)


@wired_to(RC)
def test_when_the_limit_is_left_the_exponential_begins(open_dcpower):
    smu = open_dcpower("SMU1/0")
    smu.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with source_volts(smu, 10.0, limit=1e-4, delay=0.1, aperture=1e-5):
        (late,) = smu.fetch_multiple(1)
    leaves = (10.0 / 1e-4 - 10001.0) * 1e-6  # when V reaches 10 V at 100 uA
    since = 0.1 - leaves
    mean = (math.exp(-since / TAU) - math.exp(-(since + 1e-5) / TAU)) * TAU / 1e-5
    assert late.in_compliance is False
    assert late.current == pytest.approx(1e-4 * mean, rel=1e-7)


DIODE = """
[[connect]]
channel = "SMU1/0"
hi = "anode"

[[part]]
name = "D1"
kind = "diode"
a = "anode"
b = "GND"
saturation_current = 1e-12
ideality = 1.5
"""

THERMAL = 1.5 * 1.380649e-23 * 298.15 / 1.602176634e-19


@wired_to(DIODE)
@pytest.mark.parametrize("volts", [-5.0, 0.0, 0.3, 0.6, 0.75])
def test_a_diode_obeys_shockley(open_dcpower, volts):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, volts):
        measured = measure(channel)
    expected = 1e-12 * math.expm1(volts / THERMAL)
    assert measured.current == pytest.approx(expected, rel=RELATIVE, abs=2e-14)


@wired_to(DIODE)
@pytest.mark.parametrize("amperes", [1e-6, 1e-4, 1e-2])
def test_a_forced_current_gives_the_diodes_voltage(open_dcpower, amperes):
    channel = open_dcpower("SMU1/0")
    channel.output_function = nidcpower.OutputFunction.DC_CURRENT
    channel.current_level = amperes
    with channel.initiate():
        assert measure(channel).voltage == pytest.approx(
            THERMAL * math.log1p(amperes / 1e-12), rel=RELATIVE
        )


@wired_to(DIODE)
def test_a_diode_lets_an_smu_into_compliance(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 5.0, limit=0.001):
        measured = measure(channel)
        assert channel.query_in_compliance() is True
    assert measured.voltage == pytest.approx(THERMAL * math.log1p(0.001 / 1e-12), rel=RELATIVE)


LOAD_LINE = """
[[connect]]
channel = "SMU1/0"
hi = "supply"

[[connect]]
channel = "DMM1"
hi = "anode"

[[part]]
name = "R1"
kind = "resistor"
a = "supply"
b = "anode"
value = 1000.0

[[part]]
name = "D1"
kind = "diode"
a = "anode"
b = "GND"
"""


@wired_to(LOAD_LINE)
def test_a_diode_behind_a_resistor_sits_on_the_load_line(open_dcpower):
    channel = open_dcpower("SMU1/0")
    with source_volts(channel, 5.0):
        current = measure(channel).current
    thermal = 1.380649e-23 * 298.15 / 1.602176634e-19
    anode = thermal * math.log1p(current / 1e-12)
    assert (5.0 - anode) / 1000.0 == pytest.approx(current, rel=RELATIVE)


BATTERY = """
[[connect]]
channel = "DMM1"
hi = "plus"

[[connect]]
channel = "SMU1/0"
hi = "plus"

[[part]]
name = "B1"
kind = "source"
a = "plus"
b = "GND"
voltage = 3.7
resistance = 0.5
"""


@wired_to(BATTERY)
def test_a_battery_sags_by_its_internal_resistance(open_dcpower, open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    assert dmm.read() == pytest.approx(3.7 * 10e6 / (10e6 + 0.5), rel=RELATIVE)
    load = open_dcpower("SMU1/0")
    load.output_function = nidcpower.OutputFunction.DC_CURRENT
    load.current_level = -0.1
    with load.initiate():
        measured = measure(load)
    # 0.1 A out of the battery, and what the DMM takes.
    volts = (3.7 / 0.5 - 0.1) / (1.0 / 0.5 + 1.0 / 10e6)
    assert measured.voltage == pytest.approx(volts, rel=RELATIVE)
    assert measured.current == pytest.approx(-0.1, rel=RELATIVE)


@wired_to(
    BATTERY.replace("resistance = 0.5", "resistance = 0.5\namplitude = 0.2\nfrequency = 50.0")
)
def test_whole_line_cycles_reject_ripple(open_dmm):
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
    steady = 3.7 * 10e6 / (10e6 + 0.5)
    dmm.powerline_freq = 50.0
    dmm.aperture_time_units = nidmm.ApertureTimeUnits.POWER_LINE_CYCLES
    dmm.aperture_time = 3.0
    assert dmm.read() == pytest.approx(steady, rel=RELATIVE)
    dmm.aperture_time = 0.25
    assert abs(dmm.read() - steady) > 1e-3


@wired_to(
    BATTERY.replace("resistance = 0.5", "resistance = 0.5\namplitude = 0.2\nfrequency = 50.0")
)
def test_alternating_quantities(open_dmm):
    dmm = open_dmm("DMM1")
    loaded = 10e6 / (10e6 + 0.5)
    for function, expected in (
        (nidmm.Function.AC_VOLTS, 0.2 * loaded),
        (nidmm.Function.AC_VOLTS_DC_COUPLED, math.hypot(0.2, 3.7) * loaded),
        (nidmm.Function.FREQ, 50.0),
        (nidmm.Function.PERIOD, 0.02),
    ):
        dmm.configure_measurement_digits(function, -1, 6.5)
        assert dmm.read() == pytest.approx(expected, rel=1e-6), function


REACTIVE = """
[[connect]]
channel = "SMU1/0"
hi = "dut"

[[connect]]
channel = "DMM1"
hi = "dut"

[[part]]
name = "C1"
kind = "capacitor"
a = "dut"
b = "GND"
value = 100e-9
esr = 2.0
"""


@wired_to(REACTIVE)
def test_an_lcr_meter_measures_a_capacitor(open_dcpower):
    session = open_dcpower("SMU1/0", model="4190")
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.lcr_frequency = 10e3
    session.lcr_voltage_amplitude = 0.5
    with session.initiate():
        (measured,) = session.measure_multiple_lcr()
    z = complex(2.0, -1.0 / (2 * math.pi * 10e3 * 100e-9))
    assert measured.z == pytest.approx(z, rel=RELATIVE)
    assert measured.series_lcr.capacitance == pytest.approx(100e-9, rel=RELATIVE)
    assert measured.series_lcr.resistance == pytest.approx(2.0, rel=RELATIVE)
    assert measured.ac_current == pytest.approx(0.5 / z, rel=RELATIVE)


@wired_to(REACTIVE)
def test_a_dmm_measures_a_capacitor(open_dmm):
    dmm = open_dmm("DMM1", model="4082")
    dmm.configure_measurement_digits(nidmm.Function.CAPACITANCE, 1e-6, 5.5)
    assert dmm.read() == pytest.approx(100e-9, rel=RELATIVE)


RTD = """
[[connect]]
channel = "DMM1"
hi = "sensor"

[[part]]
name = "RTD1"
kind = "resistor"
a = "sensor"
b = "GND"
value = 100.0
"""


@wired_to(RTD)
@pytest.mark.parametrize("celsius", [-150.0, 0.0, 25.0, 400.0])
def test_a_resistance_thermometer_reads_its_temperature(server, open_dmm, celsius):
    a, b, c = 3.9083e-3, -5.775e-7, -4.183e-12
    below = c * (celsius - 100.0) * celsius**3 if celsius < 0 else 0.0
    server.bench.set("RTD1", value=100.0 * (1 + a * celsius + b * celsius**2 + below))
    dmm = open_dmm("DMM1")
    dmm.configure_measurement_digits(nidmm.Function.TEMPERATURE, -1, 6.5)
    dmm.configure_rtd_type(nidmm.RTDType.PT3851, 100.0)
    assert dmm.read() == pytest.approx(celsius, rel=1e-8, abs=1e-6)


SITES = """
sites = [0, 1, 2, 3]

[[connect]]
channel = "DCPower1/{site}"
hi = "vout{site}"

[[connect]]
channel = ["DMM1", "DMM2", "DMM3", "DMM4"]
hi = "vout{site}"

[[part]]
name = "Rload{site}"
kind = "resistor"
a = "vout{site}"
b = "GND"
value = [100.0, 220.0, 470.0, 1000.0]
"""


@wired_to(SITES)
def test_every_site_has_its_own_parts(open_dcpower, open_dmm):
    smu = open_dcpower("DCPower1")
    with source_volts(smu, 1.0, limit=0.1):
        measured = smu.measure_multiple()
    assert [m.voltage / m.current for m in measured] == pytest.approx(
        [1 / (1 / r + 0) for r in (100.0, 220.0, 470.0, 1000.0)], rel=RELATIVE
    )
    for number, measurement in enumerate(measured, 1):
        dmm = open_dmm(f"DMM{number}")
        dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 6.5)
        assert dmm.read() == pytest.approx(measurement.voltage, rel=1e-6)


@wired_to(SITES)
def test_an_open_site_is_seen_as_such(server, open_dcpower):
    server.bench.set("Rload2", value=math.inf)
    smu = open_dcpower("DCPower1")
    with source_volts(smu, 1.0):
        measured = smu.measure_multiple()
    assert measured[2].current == pytest.approx(0.0, abs=1e-15)
    assert measured[1].current == pytest.approx(1 / 220.0, rel=RELATIVE)
