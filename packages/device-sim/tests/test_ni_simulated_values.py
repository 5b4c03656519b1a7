"""Without a bench the instruments answer exactly as NI's own simulated devices do.

The expectations are those of NI's public system tests (ni/nimi-python) and examples.
"""

from __future__ import annotations

import hightime
import nidcpower
import nidmm
import pytest


def test_an_smu_sources_its_level_and_measures_a_hundredth_of_its_limit(open_dcpower):
    session = open_dcpower("DCPower1/0, DCPower1/1, DCPower1/2, DCPower1/3")
    channels = session.channels["DCPower1/0,DCPower1/2"]
    channels.source_mode = nidcpower.SourceMode.SINGLE_POINT
    channels.output_function = nidcpower.OutputFunction.DC_VOLTAGE
    channels.current_limit = 0.01
    channels.voltage_level_range = 6.0
    channels.current_limit_range = 0.01
    channels.source_delay = hightime.timedelta(seconds=0.0)
    channels.voltage_level = 6.0
    with channels.initiate():
        channels.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, timeout=0.1)
        measured = channels.measure_multiple()
        assert [(m.channel, m.voltage, m.current) for m in measured] == [
            ("DCPower1/0", 6.0, 1e-4),
            ("DCPower1/2", 6.0, 1e-4),
        ]
        assert session.channels["DCPower1/0"].query_in_compliance() is False
        channels.reset()
    assert session.channels["0"].voltage_level_range == 10.0


def test_defaults_of_a_4162(open_dcpower):
    session = open_dcpower("4162", model="4162")
    assert session.channel_count == 12
    assert session.instrument_model == "NI PXIe-4162"
    assert session.get_channel_name(1) == "4162/0"
    channel = session.channels["0"]
    assert channel.aperture_time == pytest.approx(0.01666, rel=1e-9)
    assert channel.aperture_time_units == nidcpower.ApertureTimeUnits.SECONDS
    assert channel.output_enabled is True
    with session.initiate():
        measured = session.measure_multiple()
    assert [(m.voltage, m.current) for m in measured] == [(0.0, 1e-5)] * 12


def test_current_and_voltage_limits_of_a_4162(open_dcpower):
    channel = open_dcpower("4162/0", model="4162")
    assert channel.query_max_current_limit(6) == pytest.approx(0.1, rel=1e-9)
    assert channel.query_max_voltage_level(0.03) == pytest.approx(24, rel=1e-9)
    assert channel.query_min_current_limit(0.03) == pytest.approx(1e-7, rel=1e-9)


def test_fetching_from_an_smu_repeats_what_it_measured(open_dcpower):
    session = open_dcpower("4162/0", model="4162")
    session.voltage_level = 1
    session.configure_aperture_time(0, nidcpower.ApertureTimeUnits.SECONDS)
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with session.initiate():
        measured = session.fetch_multiple(10)
    assert [(m.voltage, m.current, m.in_compliance) for m in measured] == [(1.0, 1e-5, False)] * 10


@pytest.mark.parametrize("model", ["4141", "4162"])
def test_calibration_of_an_smu(open_dcpower, model):
    session = open_dcpower(model=model)
    for date in (
        session.get_ext_cal_last_date_and_time(),
        session.get_self_cal_last_date_and_time(),
    ):
        assert date == hightime.datetime(1940, 3, 1)
    assert session.get_ext_cal_last_temp() == 25.0
    assert session.get_self_cal_last_temp() == 25.0
    assert session.read_current_temperature() == 25.0
    assert session.get_ext_cal_recommended_interval().days == 365


def test_a_dmm_reads_a_value_in_range_that_is_not_0(open_dmm):
    session = open_dmm("DMM1")
    session.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
    assert session.resolution_absolute == 5e-5
    assert 0 < abs(session.read()) <= 10


@pytest.mark.parametrize("function", list(nidmm.Function))
def test_no_function_of_a_dmm_reads_exactly_0(open_dmm, function):
    session = open_dmm(model="4082")
    session.configure_measurement_digits(function, -1, 5.5)
    assert session.read() != 0


def test_a_4082_coerces_its_range_up_and_has_300_volts_at_most(open_dmm):
    session = open_dmm("FakeDevice", model="4082", id_query=False, reset_device=True)
    session.range = 50
    assert session.range == 100
    session.reset()
    with session.initiate():
        session.fetch()
        assert session.auto_range_value == 300
    assert session.instrument_model == "NI PXIe-4082"


def test_calibration_of_a_dmm(open_dmm):
    session = open_dmm(model="4082")
    assert session.get_cal_date_and_time(0) == hightime.datetime(1940, 3, 1)
    assert session.get_last_cal_temp(0) == 25
    assert session.get_ext_cal_recommended_interval().days == 730
    assert 20 <= session.get_dev_temp() <= 50


def test_lcr_measurements_read_back_the_stimulus(open_dcpower):
    session = open_dcpower("4190/0", model="4190")
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.lcr_stimulus_function = nidcpower.LCRStimulusFunction.VOLTAGE
    session.lcr_voltage_amplitude = 0.7
    session.lcr_frequency = 10_000.0
    session.lcr_dc_bias_source = nidcpower.LCRDCBiasSource.VOLTAGE
    session.lcr_dc_bias_voltage_level = 1.0
    with session.initiate():
        measurements = session.fetch_multiple_lcr(3)
    assert len(measurements) == 3
    for measurement in measurements:
        assert measurement.vdc == pytest.approx(1.0, rel=1e-9)
        assert measurement.stimulus_frequency == pytest.approx(10_000.0, rel=1e-9)
        assert measurement.ac_voltage == pytest.approx(complex(0.7, 0), rel=1e-9)
        assert measurement.measurement_mode == nidcpower.InstrumentMode.LCR
        assert not measurement.dc_in_compliance
        assert not measurement.ac_in_compliance
        assert not measurement.unbalanced


def test_lcr_current_stimulus(open_dcpower):
    session = open_dcpower("4190/0", model="4190")
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.lcr_stimulus_function = nidcpower.LCRStimulusFunction.CURRENT
    session.lcr_current_amplitude = 700e-6
    session.lcr_frequency = 10_000.0
    session.lcr_dc_bias_source = nidcpower.LCRDCBiasSource.CURRENT
    session.lcr_dc_bias_current_level = 1e-6
    with session.initiate():
        (measurement,) = session.measure_multiple_lcr()
    assert measurement.idc == pytest.approx(1e-6, rel=1e-9)
    assert measurement.ac_current == pytest.approx(complex(700e-6, 0), rel=1e-9)


def test_an_instrument_without_options_is_simulated_too(open_dcpower, open_dmm):
    assert open_dcpower("Dev1", options={}).instrument_model == "NI PXIe-4141"
    assert open_dmm("Dev2", options={}).instrument_model == "NI PXIe-4081"
