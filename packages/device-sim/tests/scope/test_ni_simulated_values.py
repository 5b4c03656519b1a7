"""What NI's simulated digitizers answer, as NI's public system tests assert it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import hightime
import niscope
import pytest
from niscope import ArrayMeasurement, ScalarMeasurement, VerticalCoupling

TWO_INSTRUMENTS = "Fake1,Fake2"
MIXED = "Fake2/0,Fake1/1"
NAMES = {MIXED: ["Fake2/0", "Fake1/1"], "Fake2/0:1": ["Fake2/0", "Fake2/1"]}


def refused(code: int, action) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(niscope.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


@pytest.fixture
def scopes(open_scope):
    return open_scope(TWO_INSTRUMENTS)


@pytest.fixture
def configured(scopes):
    def configure(length: int, records: int):
        scopes.configure_vertical(1.0, VerticalCoupling.AC)
        scopes.configure_horizontal_timing(50e6, length, 50.0, records, True)
        return scopes

    return configure


def test_channels_have_bare_names_with_one_instrument(open_scope):
    scope = open_scope(model="5171R (8CH)")
    wanted = ["0-1, 2, 3:4", 5, range(6, 7), slice(7, 8)]
    assert scope.get_channel_names(indices=wanted) == [str(n) for n in range(8)]
    assert scope.instrument_model == "NI PXIe-5171R (8CH)"


def test_channels_are_qualified_with_several_instruments(open_scope):
    scope = open_scope(TWO_INSTRUMENTS, model="5171R (8CH)")
    expected = [f"Fake1/{n}" for n in range(8)] + [f"Fake2/{n}" for n in range(4)]
    wanted = ["0-1, 2, 3:4", 5, (6, 7), range(8, 10), slice(10, 12)]
    assert scope.get_channel_names(indices=wanted) == expected
    assert scope.channel_count == 16


@pytest.mark.parametrize("chosen", NAMES)
def test_waveforms_come_record_by_record_in_the_order_of_the_request(configured, chosen):
    scopes = configured(2000, 3)
    found = scopes.channels[chosen].read(num_samples=2000, num_records=3)
    assert [each.channel for each in found] == NAMES[chosen] * 3
    assert [each.record for each in found] == [0, 0, 1, 1, 2, 2]
    assert all(len(each.samples) == 2000 for each in found)


@pytest.mark.parametrize("chosen", NAMES)
def test_a_fetch_starts_at_the_wanted_record(configured, chosen):
    scopes = configured(2000, 5)
    with scopes.initiate():
        found = scopes.channels[chosen].fetch(num_samples=2000, record_number=2, num_records=3)
    assert [each.record for each in found] == [2, 2, 3, 3, 4, 4]
    assert [each.channel for each in found] == NAMES[chosen] * 3


def test_a_fetch_has_the_length_of_the_record_by_default(configured):
    scopes = configured(2000, 1)
    with scopes.initiate():
        found = scopes.channels[MIXED].fetch()
    assert [len(each.samples) for each in found] == [2000, 2000]


@pytest.mark.parametrize("asked,expected", [(1000, 1000), (2000, 2000), (3000, 2000), (None, 2000)])
def test_an_array_measurement_has_up_to_the_wanted_values(configured, asked, expected):
    scopes = configured(1000, 5)
    with scopes.initiate():
        found = scopes.channels[MIXED].fetch_array_measurement(
            array_meas_function=ArrayMeasurement.ARRAY_GAIN,
            meas_wfm_size=asked,
            relative_to=niscope.FetchRelativeTo.PRETRIGGER,
            offset=5,
            record_number=2,
            num_records=3,
            meas_num_samples=2000,
            timeout=hightime.timedelta(seconds=4),
        )
    assert [len(each.samples) for each in found] == [expected] * 6
    assert [each.record for each in found] == [2, 2, 3, 3, 4, 4]


def test_an_array_measurement_has_the_length_of_the_record_by_default(configured):
    scopes = configured(1000, 3)
    with scopes.initiate():
        found = scopes.channels[MIXED].fetch_array_measurement(ArrayMeasurement.ARRAY_GAIN)
        assert scopes._actual_meas_wfm_size(ArrayMeasurement.ARRAY_GAIN) == 1000
    assert [len(each.samples) for each in found] == [1000] * 6


def test_no_measurement_is_0_for_each_record(configured):
    scopes = configured(1000, 5)
    with scopes.initiate():
        none = scopes.channels[MIXED].fetch_measurement_stats(
            ScalarMeasurement.NO_MEASUREMENT, offset=5, record_number=2, num_records=3
        )
        every = scopes.channels[MIXED].fetch_measurement_stats(ScalarMeasurement.NO_MEASUREMENT)
    assert [each.result for each in none] == [0.0] * 6
    assert [(each.record, each.channel) for each in none][:3] == [
        (2, "Fake2/0"),
        (2, "Fake1/1"),
        (3, "Fake2/0"),
    ]
    assert [each.result for each in every] == [0.0] * 10
    assert "Result" in str(none[0])


def test_a_record_counts_only_once_in_the_statistics(configured):
    scopes = configured(1000, 1)
    channels = scopes.channels[MIXED]
    with scopes.initiate():
        first, again = (
            channels.fetch_measurement_stats(ScalarMeasurement.FREQUENCY)[0] for _ in "ab"
        )
        channels.clear_waveform_measurement_stats(niscope.ClearableMeasurement.FREQUENCY)
        cleared = channels.fetch_measurement_stats(ScalarMeasurement.FREQUENCY)[0]
    for name in ("result", "mean", "stdev", "min_val", "max_val", "num_in_stats"):
        assert getattr(first, name) == getattr(again, name)
    assert (first.num_in_stats, cleared.num_in_stats) == (1, 0)
    with scopes.initiate():
        later = channels.fetch_measurement_stats(ScalarMeasurement.FREQUENCY)[0]
    assert later.num_in_stats == 1


def test_processing_changes_what_is_measured(configured):
    scopes = configured(1000, 3)
    channels = scopes.channels[MIXED]
    with scopes.initiate():
        scopes.add_waveform_processing(ArrayMeasurement.DERIVATIVE)
        processed = channels.fetch_measurement_stats(ScalarMeasurement.MID_REF_VOLTS)
        slopes = channels.fetch_measurement_stats(ScalarMeasurement.VOLTAGE_MAX)
        scopes.clear_waveform_processing()
        plain = channels.fetch_measurement_stats(ScalarMeasurement.MID_REF_VOLTS)
    assert all(abs(each.result) > 1 or each.result == 0 for each in processed)
    assert all(each.result > 1e5 for each in slopes)
    assert all(abs(each.result) < 1 for each in plain)
    assert len(processed) == len(plain) == 6


@pytest.mark.parametrize("range_", [1.0, 5.0])
def test_samples_are_within_the_range(open_scope, range_):
    scope = open_scope(model="5162 (4CH)")
    scope.configure_vertical(range_, VerticalCoupling.DC)
    scope.configure_horizontal_timing(10e6, 40000, 50.0, 1, True)
    with scope.initiate():
        found = scope.fetch()
    assert len(found) == 4
    assert all(-range_ / 2 < min(w.samples) < 0 < max(w.samples) < range_ / 2 for w in found)


def test_defaults(scopes):
    assert scopes._fetch_relative_to == niscope.FetchRelativeTo.PRETRIGGER
    assert scopes.meas_time_histogram_high_time == hightime.timedelta(microseconds=500)
    assert scopes.trigger_slope == niscope.TriggerSlope.POSITIVE
    assert scopes.allow_more_records_than_memory is False


@pytest.mark.parametrize("restore", ["disable", "reset", "reset_device"])
def test_disable_and_reset_give_the_defaults(scopes, restore):
    scopes.allow_more_records_than_memory = True
    scopes._fetch_relative_to = niscope.FetchRelativeTo.READ_POINTER
    scopes.meas_time_histogram_high_time = hightime.timedelta(microseconds=1000)
    getattr(scopes, restore)()
    test_defaults(scopes)


def test_an_unknown_model_is_refused_with_nis_code_and_text(open_scope):
    text = refused(-1074118609, lambda: open_scope(model="invalid_model"))
    assert "Simulation does not support the selected model and board type." in text


def test_a_read_only_attribute_is_refused(scopes):
    def write():
        scopes.instrument_model = ""

    assert "Attribute is read-only." in refused(-1074135027, write)


def test_an_acquisition_is_complete_before_there_is_one(scopes):
    assert scopes.acquisition_status() is niscope.AcquisitionStatus.COMPLETE


def test_calibration_is_that_of_nis_simulation(open_scope):
    scope = open_scope()
    scope.self_cal(niscope.Option.SELF_CALIBRATE_ALL_CHANNELS)
    for date in (scope.get_self_cal_last_date_and_time(), scope.get_ext_cal_last_date_and_time()):
        assert (date.year, date.month, date.day, date.hour, date.minute) == (1999, 12, 21, 0, 0)
    assert scope.get_self_cal_last_temp() == scope.get_ext_cal_last_temp() == 25
    scope.self_test()


def test_input_impedance_and_range_are_read_back(scopes):
    scopes.vertical_range = 4.0
    assert scopes.vertical_range == 5.0  # the next range of the model
    scopes.configure_chan_characteristics(50, 0)
    assert scopes.input_impedance == 50.0


def test_triggers_are_read_back(scopes):
    dc = niscope.TriggerCoupling.DC
    scopes.configure_trigger_digital("/Fake2/VAL_RTSI_0")
    assert scopes.trigger_source == "/Fake2/VAL_RTSI_0"
    scopes.configure_trigger_edge("Fake2/0", 0.0, dc)
    scopes.commit()
    assert (scopes.trigger_source, scopes.trigger_coupling) == ("Fake2/0", dc)
    scopes.configure_trigger_hysteresis("Fake2/1", 0.0, 0.05, dc)
    assert (scopes.trigger_source, scopes.trigger_hysteresis) == ("Fake2/1", 0.05)
    scopes.configure_trigger_window("Fake2/1", 0, 5, niscope.TriggerWindowMode.ENTERING, dc)
    assert scopes.trigger_window_mode == niscope.TriggerWindowMode.ENTERING
    scopes.configure_trigger_software()
    assert scopes.trigger_type is niscope.TriggerType.SOFTWARE
    scopes.acq_arm_source = "/Fake2/NISCOPE_VAL_IMMEDIATE"
    assert scopes.acq_arm_source == "/Fake2/NISCOPE_VAL_IMMEDIATE"


def test_a_trigger_without_an_acquisition_is_lost(scopes):
    scopes.send_software_trigger_edge(niscope.WhichTrigger.ARM_REFERENCE)


def test_a_configuration_is_exported_and_imported(scopes, tmp_path):
    path = str(tmp_path / "configuration.txt")
    scopes.vertical_range = 1.0
    exported = scopes.export_attribute_configuration_buffer()
    scopes.export_attribute_configuration_file(path)
    for load in (
        lambda: scopes.import_attribute_configuration_buffer(exported),
        lambda: scopes.import_attribute_configuration_file(path),
    ):
        scopes.vertical_range = 5.0
        load()
        assert scopes.vertical_range == 1.0


def test_automatic_setup_without_a_signal_enables_all_and_triggers_at_once(scopes):
    scopes.channel_enabled = False
    scopes.auto_setup()
    assert scopes.enabled_channels == "Fake1/0,Fake1/1,Fake2/0,Fake2/1"
    assert scopes.trigger_type is niscope.TriggerType.IMMEDIATE
    scopes.configure_horizontal_timing(10000000, 1000, 50.0, 1, True)
    assert (scopes.horz_record_length, scopes.horz_sample_rate) == (1000, 1e7)


def test_what_the_package_cannot_do_over_grpc_it_says_itself(scopes):
    for call in (scopes._configure_ref_levels, scopes.reset_with_defaults):
        with pytest.raises(NotImplementedError):
            call()


def test_a_lock_keeps_other_threads_of_the_client_out(scopes):
    with ThreadPoolExecutor(1) as pool:
        with scopes.lock():
            other = pool.submit(scopes.abort)
            assert not other.done()
            scopes.abort()
        other.result(timeout=60)
