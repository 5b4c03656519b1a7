"""Every public method of niscope.Session is called through the real class.

`SCOPE` has a call for each. A method of the installed package that it lacks fails the test.
The modules in the folder `scope` test the behavior in depth.
"""

from __future__ import annotations

import niscope
import numpy as np
import pytest
from session_methods import configuration_buffer, configuration_file, locks, public_methods

NOT_SERVED = -1074135023
DC = niscope.TriggerCoupling.DC


def fetch(session, tmp_path):
    with session.initiate():
        assert len(session.fetch(10)) == 2
        frequency = niscope.ScalarMeasurement.FREQUENCY
        assert len(session.fetch_measurement_stats(frequency)) == 2
        session.clear_waveform_measurement_stats(niscope.ClearableMeasurement.ALL_MEASUREMENTS)
        gain = niscope.ArrayMeasurement.ARRAY_GAIN
        assert len(session.fetch_array_measurement(gain)) == 2
    assert len(session.read(10)) == 2


def fetch_into(session, tmp_path):
    # niscope 1.5 passes too many arguments to its own function, which would refuse the call.
    with session.initiate(), pytest.raises((NotImplementedError, TypeError)):
        session.fetch_into(np.zeros(20))


def processing(session, tmp_path):
    session.add_waveform_processing(niscope.ArrayMeasurement.DERIVATIVE)
    session.clear_waveform_processing()


def probe(session, tmp_path):
    session.probe_compensation_signal_start()
    session.probe_compensation_signal_stop()


def refused(session, tmp_path, call):
    with pytest.raises(niscope.errors.DriverError) as caught:
        call(session)
    assert caught.value.code == NOT_SERVED


def no_coefficients(session, tmp_path):
    refused(session, tmp_path, lambda s: s.configure_equalization_filter_coefficients([1.0]))
    refused(session, tmp_path, lambda s: s.get_equalization_filter_coefficients())


def no_video(session, tmp_path):
    refused(
        session,
        tmp_path,
        lambda s: s.configure_trigger_video(
            "0",
            niscope.VideoSignalFormat.PAL,
            niscope.VideoTriggerEvent.FIELD1,
            niscope.VideoPolarity.POSITIVE,
            DC,
        ),
    )


def refuses_defaults(session, tmp_path):
    with pytest.raises(NotImplementedError):
        session.reset_with_defaults()


SCOPE = {
    "abort": lambda s, _: s.abort(),
    "acquisition_status": lambda s, _: s.acquisition_status(),
    "add_waveform_processing": processing,
    "auto_setup": lambda s, _: s.auto_setup(),
    "clear_waveform_measurement_stats": fetch,
    "clear_waveform_processing": processing,
    "close": lambda s, _: s.close(),
    "commit": lambda s, _: s.commit(),
    "configure_chan_characteristics": lambda s, _: s.configure_chan_characteristics(50, 0),
    "configure_equalization_filter_coefficients": no_coefficients,
    "configure_horizontal_timing": lambda s, _: s.configure_horizontal_timing(
        1e6, 10, 50.0, 1, True
    ),
    "configure_trigger_digital": lambda s, _: s.configure_trigger_digital("VAL_PFI_0"),
    "configure_trigger_edge": lambda s, _: s.configure_trigger_edge("0", 0.0, DC),
    "configure_trigger_hysteresis": lambda s, _: s.configure_trigger_hysteresis("0", 0.0, 0.1, DC),
    "configure_trigger_immediate": lambda s, _: s.configure_trigger_immediate(),
    "configure_trigger_software": lambda s, _: s.configure_trigger_software(),
    "configure_trigger_video": no_video,
    "configure_trigger_window": lambda s, _: s.configure_trigger_window(
        "0", 0.0, 1.0, niscope.TriggerWindowMode.ENTERING, DC
    ),
    "configure_vertical": lambda s, _: s.configure_vertical(1.0, niscope.VerticalCoupling.DC),
    "disable": lambda s, _: s.disable(),
    "export_attribute_configuration_buffer": configuration_buffer,
    "export_attribute_configuration_file": configuration_file,
    "fetch": fetch,
    "fetch_array_measurement": fetch,
    "fetch_into": fetch_into,
    "fetch_measurement_stats": fetch,
    "get_channel_names": lambda s, _: s.get_channel_names([0, 1]),
    "get_equalization_filter_coefficients": no_coefficients,
    "get_ext_cal_last_date_and_time": lambda s, _: s.get_ext_cal_last_date_and_time(),
    "get_ext_cal_last_temp": lambda s, _: s.get_ext_cal_last_temp(),
    "get_self_cal_last_date_and_time": lambda s, _: s.get_self_cal_last_date_and_time(),
    "get_self_cal_last_temp": lambda s, _: s.get_self_cal_last_temp(),
    "import_attribute_configuration_buffer": configuration_buffer,
    "import_attribute_configuration_file": configuration_file,
    "initiate": fetch,
    "lock": locks,
    "probe_compensation_signal_start": probe,
    "probe_compensation_signal_stop": probe,
    "read": fetch,
    "reset": lambda s, _: s.reset(),
    "reset_device": lambda s, _: s.reset_device(),
    "reset_with_defaults": refuses_defaults,
    "self_cal": lambda s, _: s.self_cal(),
    "self_test": lambda s, _: s.self_test(),
    "send_software_trigger_edge": lambda s, _: s.send_software_trigger_edge(
        niscope.WhichTrigger.ARM_REFERENCE
    ),
    "unlock": locks,
}


def test_the_table_has_every_public_method():
    assert set(SCOPE) == public_methods(niscope.Session)


@pytest.mark.parametrize("name", sorted(SCOPE))
def test_a_method_works(open_scope, tmp_path, name):
    SCOPE[name](open_scope(), tmp_path)
