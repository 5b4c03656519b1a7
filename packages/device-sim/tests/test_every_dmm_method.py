"""Every public method of nidmm.Session is called through the real class.

`DMM` has a call for each. A method of the installed package that it lacks fails the test.
The other modules in this folder test the behavior in depth.
"""

from __future__ import annotations

import nidmm
import numpy as np
import pytest
from session_methods import configuration_buffer, configuration_file, locks, public_methods


def fetch_dmm(session, tmp_path):
    with session.initiate():
        assert isinstance(session.fetch(), float)


def fetch_points(session, tmp_path):
    session.configure_multi_point(trigger_count=1, sample_count=10)
    with session.initiate():
        assert len(session.fetch_multi_point(5)) == 5
        assert len(session.fetch_multi_point(5)) == 5
        assert session.read_status()[1] is nidmm.AcquisitionStatus.FINISHED_WITH_NO_BACKLOG


def read_points(session, tmp_path):
    session.configure_multi_point(4, 2)
    assert len(session.read_multi_point(8)) == 8


def waveform(session, tmp_path):
    session.configure_waveform_acquisition(nidmm.Function.WAVEFORM_VOLTAGE, 10, 1800000, 100)
    assert (session.range, session.waveform_rate, session.waveform_points) == (10, 1800000, 100)
    with session.initiate():
        assert len(session.fetch_waveform(100)) == 100
    assert len(session.read_waveform(100)) == 100


def waveform_into(session, tmp_path):
    with pytest.raises(NotImplementedError):
        session.fetch_waveform_into(np.zeros(4))


def cable(session, tmp_path):
    session.configure_measurement_digits(nidmm.Function.CAPACITANCE, 0.002, 5.5)
    assert session.perform_open_cable_comp() == (0, 0)
    assert session.perform_short_cable_comp() == (0, 0)


def sensors(session, tmp_path):
    session.configure_rtd_type(nidmm.RTDType.CUSTOM, 110)
    session.configure_rtd_custom(0.1, 0.2, 0.3)
    assert (session.temp_rtd_type, session.temp_rtd_res) == (nidmm.RTDType.CUSTOM, 110)
    assert (session.temp_rtd_a, session.temp_rtd_b, session.temp_rtd_c) == (0.1, 0.2, 0.3)
    session.temp_thermistor_type = nidmm.ThermistorType.CUSTOM
    session.configure_thermistor_custom(0.4, 0.5, 0.6)
    assert (session.temp_thermistor_a, session.temp_thermistor_c) == (0.4, 0.6)
    session.configure_thermocouple(nidmm.ThermocoupleType.K)
    assert session.temp_tc_type == nidmm.ThermocoupleType.K


def dmm_trigger(session, tmp_path):
    session.configure_trigger(nidmm.TriggerSource.SOFTWARE_TRIG)
    session.configure_multi_point(
        sample_count=0, sample_trigger=nidmm.SampleTrigger.SOFTWARE_TRIG, trigger_count=1
    )
    with session.initiate():
        session.send_software_trigger()
        assert len(session.fetch_multi_point(3)) == 3


def dmm_disable(session, tmp_path):
    with session.initiate():
        session.fetch()
        session.disable()
        assert session.read_status() == (0, nidmm.AcquisitionStatus.NO_ACQUISITION_IN_PROGRESS)


DMM = {
    "abort": lambda s, _: s.abort(),
    "close": lambda s, _: s.close(),
    "configure_measurement_absolute": lambda s, _: s.configure_measurement_absolute(
        nidmm.Function.DC_VOLTS, 0.02, 0.001
    ),
    "configure_measurement_digits": lambda s, _: s.configure_measurement_digits(
        nidmm.Function.DC_VOLTS, 10, 5.5
    ),
    "configure_multi_point": read_points,
    "configure_rtd_custom": sensors,
    "configure_rtd_type": sensors,
    "configure_thermistor_custom": sensors,
    "configure_thermocouple": sensors,
    "configure_trigger": dmm_trigger,
    "configure_waveform_acquisition": waveform,
    "disable": dmm_disable,
    "export_attribute_configuration_buffer": configuration_buffer,
    "export_attribute_configuration_file": configuration_file,
    "fetch": fetch_dmm,
    "fetch_multi_point": fetch_points,
    "fetch_waveform": waveform,
    "fetch_waveform_into": waveform_into,
    "get_cal_date_and_time": lambda s, _: s.get_cal_date_and_time(0),
    "get_dev_temp": lambda s, _: s.get_dev_temp(""),
    "get_ext_cal_recommended_interval": lambda s, _: s.get_ext_cal_recommended_interval(),
    "get_last_cal_temp": lambda s, _: s.get_last_cal_temp(0),
    "get_self_cal_supported": lambda s, _: s.get_self_cal_supported(),
    "import_attribute_configuration_buffer": configuration_buffer,
    "import_attribute_configuration_file": configuration_file,
    "initiate": fetch_dmm,
    "lock": locks,
    "perform_open_cable_comp": cable,
    "perform_short_cable_comp": cable,
    "read": lambda s, _: s.read(),
    "read_multi_point": read_points,
    "read_status": fetch_points,
    "read_waveform": waveform,
    "reset": lambda s, _: s.reset(),
    "reset_with_defaults": lambda s, _: s.reset_with_defaults(),
    "self_cal": lambda s, _: s.self_cal(),
    "self_test": lambda s, _: s.self_test(),
    "send_software_trigger": dmm_trigger,
    "unlock": locks,
}


def test_the_table_has_every_public_method():
    assert set(DMM) == public_methods(nidmm.Session)


@pytest.mark.parametrize("name", sorted(DMM))
def test_a_method_works(open_dmm, tmp_path, name):
    DMM[name](open_dmm(model="4082"), tmp_path)


def test_dmms_without_a_feature_refuse_its_calls(open_dmm):
    dmm = open_dmm(model="4065")
    assert dmm.get_self_cal_supported() is False
    for call in (dmm.self_cal, dmm.perform_open_cable_comp):
        with pytest.raises(nidmm.errors.DriverError) as caught:
            call()
        assert caught.value.code == -1074117849


def test_cable_compensation_is_for_capacitors_and_inductors(open_dmm):
    with pytest.raises(nidmm.errors.DriverError) as caught:
        open_dmm(model="4082").perform_open_cable_comp()
    assert caught.value.code == -1074118629
