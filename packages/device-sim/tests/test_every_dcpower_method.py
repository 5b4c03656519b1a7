"""Every public method of nidcpower.Session is called through the real class.

`DCPOWER` has a call for each. A method of the installed package that it lacks fails the test.
The other modules in this folder test the behavior in depth.
"""

from __future__ import annotations

import hightime
import nidcpower
import pytest
from session_methods import configuration_buffer, configuration_file, locks, public_methods

LCR_MODEL = "4190"


def lcr_running(session):
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    return session.initiate()


def fetch_smu(session, tmp_path):
    session.measure_when = nidcpower.MeasureWhen.AUTOMATICALLY_AFTER_SOURCE_COMPLETE
    with session.initiate():
        assert len(session.fetch_multiple(5, timeout=1.0)) == 5


def fetch_lcr(session, tmp_path):
    with lcr_running(session):
        assert len(session.fetch_multiple_lcr(2)) == 2


def measure_lcr(session, tmp_path):
    session.instrument_mode = nidcpower.InstrumentMode.LCR
    with session.initiate():
        assert len(session.measure_multiple_lcr()) == 1


def advanced_sequence(session, tmp_path):
    session.create_advanced_sequence("steps", ["voltage_level"], set_as_active_sequence=True)
    session.create_advanced_sequence_step(set_as_active_step=True)
    session.delete_advanced_sequence("steps")


def commit_step(session, tmp_path):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.create_advanced_sequence_commit_step()
    assert caught.value.code == -1074118619


def latched_cutoff(session, tmp_path):
    reason = nidcpower.OutputCutoffReason.ALL
    session.clear_latched_output_cutoff_state(reason)
    assert session.query_latched_output_cutoff_state(reason) is False


def custom_cable(session, tmp_path):
    data = session.get_lcr_custom_cable_compensation_data()
    for form in (data, list(data), bytes(data)):
        session.configure_lcr_custom_cable_compensation(form)
    assert session.get_lcr_custom_cable_compensation_data() == data


def compensation_date(session, tmp_path):
    kind = nidcpower.LCRCompensationType.OPEN
    assert session.get_lcr_compensation_last_date_and_time(kind) == hightime.datetime(1940, 3, 1)
    session.perform_lcr_open_compensation([9e3, 12345.0])
    assert session.get_lcr_compensation_last_date_and_time(kind).year > 2000


def load_compensation(session, tmp_path):
    session.perform_lcr_load_compensation(
        [
            nidcpower.LCRLoadCompensationSpot(
                frequency=100e3,
                reference_value_type=nidcpower.LCRReferenceValueType.IMPEDANCE,
                reference_value=complex(100.0, 1000.0),
            )
        ]
    )


def not_over_grpc(*names):
    """Return entries for methods that the Python package itself refuses over gRPC."""

    def call(session, tmp_path):
        for name, arguments in names:
            with pytest.raises(NotImplementedError):
                getattr(session, name)(*arguments)

    return call


def trigger_smu(session, tmp_path):
    session.start_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
    with session.initiate():
        session.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.START)
        session.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)


def wait_smu(session, tmp_path):
    with session.initiate():
        session.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, hightime.timedelta(seconds=0.5))


DCPOWER = {
    "abort": lambda s, _: s.abort(),
    "clear_latched_output_cutoff_state": ("4135", latched_cutoff),
    "close": lambda s, _: s.close(),
    "commit": lambda s, _: s.commit(),
    "configure_aperture_time": lambda s, _: s.configure_aperture_time(
        5, nidcpower.ApertureTimeUnits.POWER_LINE_CYCLES
    ),
    "configure_lcr_compensation": (
        LCR_MODEL,
        not_over_grpc(("configure_lcr_compensation", (b"data",))),
    ),
    "configure_lcr_custom_cable_compensation": (LCR_MODEL, custom_cable),
    "create_advanced_sequence": advanced_sequence,
    "create_advanced_sequence_commit_step": commit_step,
    "create_advanced_sequence_step": advanced_sequence,
    "delete_advanced_sequence": advanced_sequence,
    "disable": lambda s, _: s.disable(),
    "export_attribute_configuration_buffer": configuration_buffer,
    "export_attribute_configuration_file": configuration_file,
    "fetch_multiple": fetch_smu,
    "fetch_multiple_lcr": (LCR_MODEL, fetch_lcr),
    "get_channel_name": lambda s, _: s.get_channel_name(1),
    "get_channel_names": lambda s, _: s.get_channel_names("0"),
    "get_ext_cal_last_date_and_time": lambda s, _: s.get_ext_cal_last_date_and_time(),
    "get_ext_cal_last_temp": lambda s, _: s.get_ext_cal_last_temp(),
    "get_ext_cal_recommended_interval": lambda s, _: s.get_ext_cal_recommended_interval(),
    "get_lcr_compensation_data": (
        LCR_MODEL,
        not_over_grpc(("get_lcr_compensation_data", ())),
    ),
    "get_lcr_compensation_last_date_and_time": (LCR_MODEL, compensation_date),
    "get_lcr_custom_cable_compensation_data": (LCR_MODEL, custom_cable),
    "get_self_cal_last_date_and_time": lambda s, _: s.get_self_cal_last_date_and_time(),
    "get_self_cal_last_temp": lambda s, _: s.get_self_cal_last_temp(),
    "import_attribute_configuration_buffer": configuration_buffer,
    "import_attribute_configuration_file": configuration_file,
    "initiate": wait_smu,
    "lock": locks,
    "measure": lambda s, _: s.measure(nidcpower.MeasurementTypes.VOLTAGE),
    "measure_multiple": lambda s, _: s.measure_multiple(),
    "measure_multiple_lcr": (LCR_MODEL, measure_lcr),
    "perform_lcr_load_compensation": (LCR_MODEL, load_compensation),
    "perform_lcr_open_compensation": (LCR_MODEL, compensation_date),
    "perform_lcr_open_custom_cable_compensation": (
        LCR_MODEL,
        lambda s, _: s.perform_lcr_open_custom_cable_compensation(),
    ),
    "perform_lcr_short_compensation": (
        LCR_MODEL,
        lambda s, _: s.perform_lcr_short_compensation(),
    ),
    "perform_lcr_short_custom_cable_compensation": (
        LCR_MODEL,
        lambda s, _: s.perform_lcr_short_custom_cable_compensation(),
    ),
    "query_in_compliance": lambda s, _: s.query_in_compliance(),
    "query_latched_output_cutoff_state": ("4135", latched_cutoff),
    "query_max_current_limit": lambda s, _: s.query_max_current_limit(6.0),
    "query_max_voltage_level": lambda s, _: s.query_max_voltage_level(0.03),
    "query_min_current_limit": lambda s, _: s.query_min_current_limit(0.03),
    "query_output_state": lambda s, _: s.query_output_state(
        nidcpower.OutputStates.CONSTANT_VOLTAGE
    ),
    "read_current_temperature": lambda s, _: s.read_current_temperature(),
    "reset": lambda s, _: s.reset(),
    "reset_device": lambda s, _: s.reset_device(),
    "reset_with_defaults": lambda s, _: s.reset_with_defaults(),
    "self_cal": lambda s, _: s.self_cal(),
    "self_test": lambda s, _: s.self_test(),
    "send_software_edge_trigger": trigger_smu,
    "set_sequence": lambda s, _: s.set_sequence([0.1, 0.2, 0.3], [0.001, 0.002, 0.003]),
    "unlock": locks,
    "wait_for_event": wait_smu,
}


def test_the_table_has_every_public_method():
    assert set(DCPOWER) == public_methods(nidcpower.Session)


@pytest.mark.parametrize("name", sorted(DCPOWER))
def test_a_method_works(open_dcpower, tmp_path, name):
    entry = DCPOWER[name]
    model, call = entry if isinstance(entry, tuple) else ("4141", entry)
    call(open_dcpower("SMU1/0", model=model), tmp_path)


LCR_CALLS = [
    lambda s: s.measure_multiple_lcr(),
    lambda s: s.perform_lcr_open_compensation(),
    lambda s: s.perform_lcr_short_custom_cable_compensation(),
    lambda s: s.get_lcr_custom_cable_compensation_data(),
    lambda s: s.query_latched_output_cutoff_state(nidcpower.OutputCutoffReason.ALL),
]


@pytest.mark.parametrize("call", LCR_CALLS)
def test_models_without_a_feature_refuse_its_calls(open_dcpower, call):
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        call(open_dcpower("SMU1/0", model="4141"))
    assert caught.value.code == -1074118619
