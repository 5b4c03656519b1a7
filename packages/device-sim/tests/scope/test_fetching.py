"""Fetches: positions in a record, binary forms, waits, and what they refuse."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import niscope
import numpy as np
import pytest
from niscope import niscope_pb2 as pb
from niscope import niscope_pb2_grpc

TIMEOUT = -1074126845
NO_DATA = -1074126846
NOT_ENABLED = -1074126847
INVALID_VALUE = -1074135024
UNKNOWN_CHANNEL = -1074135008
NOT_SERVED = -1074135023


def refused(code: int, action) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(niscope.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


@pytest.fixture
def scope(open_scope):
    scope = open_scope(name="mine")
    scope.configure_vertical(2.5, niscope.VerticalCoupling.DC, offset=0.5)
    scope.configure_horizontal_timing(1e6, 1000, 50.0, 3, True)
    return scope


@pytest.fixture
def stub(channel):
    return niscope_pb2_grpc.NiScopeStub(channel)


def test_a_waveform_tells_its_time_and_scaling(scope):
    with scope.initiate():
        first, _, second, *_ = scope.fetch()
    assert first.x_increment == pytest.approx(1e-6)
    assert first.relative_initial_x == pytest.approx(-500e-6)
    assert second.absolute_initial_x - first.absolute_initial_x == pytest.approx(1e-3)
    assert (first.offset, first.gain) == (0.5, 2.5 / 2**14)


def test_a_fetch_starts_where_it_is_told(scope):
    start = niscope.FetchRelativeTo
    with scope.initiate():
        whole = np.array(scope.channels["1"].fetch(num_records=1)[0].samples)
        for relative_to, offset, begin in (
            (start.PRETRIGGER, 10, 10),
            (start.START, 0, 0),
            (start.TRIGGER, 0, 500),
            (start.TRIGGER, -20, 480),
            (start.NOW, -30, 970),
        ):
            (part,) = scope.channels["1"].fetch(
                100, relative_to=relative_to, offset=offset, num_records=1
            )
            assert np.array_equal(part.samples, whole[begin : begin + 100])
            assert part.relative_initial_x == pytest.approx((begin - 500) * 1e-6)


def test_the_read_pointer_goes_on_after_each_fetch(scope):
    with scope.initiate():
        whole = np.array(scope.channels["0"].fetch(num_records=1)[0].samples)
        parts = [
            scope.channels["0"].fetch(
                400, relative_to=niscope.FetchRelativeTo.READ_POINTER, num_records=1
            )[0]
            for _ in range(3)
        ]
    assert [len(part.samples) for part in parts] == [400, 400, 200]
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole)


@pytest.mark.parametrize(
    "call,bits", [("FetchBinary8", 8), ("FetchBinary16", 14), ("FetchBinary32", 14)]
)
def test_codes_make_the_same_volts(scope, stub, call, bits):
    with scope.initiate():
        volts = [np.array(each.samples) for each in scope.fetch()]
        request = getattr(pb, f"{call}Request")(
            vi={"name": "mine"}, channel_list="0,1", timeout=5.0, num_samples=1000
        )
        answer = getattr(stub, call)(request)
    codes = answer.waveform
    codes = np.frombuffer(codes, np.int8) if isinstance(codes, bytes) else np.array(codes)
    assert len(codes) == 6000
    for place, info in enumerate(answer.wfm_info):
        assert info.gain == 2.5 / 2**bits
        made = codes[place * 1000 : (place + 1) * 1000] * info.gain + info.offset
        assert np.abs(made - volts[place]).max() <= info.gain / 2


def test_settings_that_change_later_do_not_change_the_acquisition(scope, stub):
    request = pb.FetchBinary16Request(
        vi={"name": "mine"}, channel_list="0", timeout=5.0, num_samples=1000
    )
    scope.channels["1"].channel_enabled = False
    with scope.initiate():
        before, codes = scope.channels["0"].fetch(), stub.FetchBinary16(request)
        scope.vertical_range = 50.0
        scope.vertical_offset = -1.0
        scope.channel_enabled = True
        after = scope.channels["0"].fetch()
        assert [list(each.samples) for each in after] == [list(each.samples) for each in before]
        assert stub.FetchBinary16(request) == codes
        refused(NOT_ENABLED, scope.channels["1"].fetch)


def test_missing_samples_are_0_so_that_each_waveform_has_its_place(scope, stub):
    with scope.initiate():
        answer = stub.Fetch(
            pb.FetchRequest(vi={"name": "mine"}, channel_list="0", timeout=5.0, num_samples=1500)
        )
    assert len(answer.waveform) == 3 * 1500
    assert [info.actual_samples for info in answer.wfm_info] == [1000] * 3
    assert not any(answer.waveform[1000:1500])


def test_measurements_of_the_wire_agree_with_those_of_the_package(scope, stub):
    rms = niscope.ScalarMeasurement.VOLTAGE_RMS
    request = {"vi": {"name": "mine"}, "channel_list": "", "timeout": 5.0}
    with scope.initiate():
        expected = [each.result for each in scope.fetch_measurement_stats(rms)]
        fetched = stub.FetchMeasurement(
            pb.FetchMeasurementRequest(**request, scalar_meas_function_raw=rms.value)
        )
    read = stub.ReadMeasurement(
        pb.ReadMeasurementRequest(**request, scalar_meas_function_raw=rms.value)
    )
    assert list(fetched.result) == list(read.result) == expected
    assert len(expected) == 6


def test_scaling_coefficients_are_those_of_each_channel(scope, stub):
    scope.channels["1"].vertical_range = 5.0
    for call, gains in (("Scaling", [2.5 / 2**14, 5.0 / 2**14]), ("Normalization", [1.0, 1.0])):
        request = getattr(pb, f"Get{call}CoefficientsRequest")(vi={"name": "mine"})
        answer = getattr(stub, f"Get{call}Coefficients")(request)
        assert [each.gain for each in answer.coefficient_info] == gains
        assert answer.number_of_coefficient_sets == 2


def test_a_fetch_needs_an_acquisition(scope):
    refused(NO_DATA, scope.fetch)
    with scope.initiate():
        scope.fetch()
    refused(NO_DATA, scope.fetch)


def test_only_enabled_channels_are_fetched(scope):
    scope.channels["0"].channel_enabled = False
    assert scope.enabled_channels == "1"
    with scope.initiate():
        assert len(scope.channels["1"].fetch()) == 3
        refused(NOT_ENABLED, scope.channels["0"].fetch)
        refused(UNKNOWN_CHANNEL, scope.channels["7"].fetch)
    scope.channels["1"].channel_enabled = False
    refused(NOT_ENABLED, scope.initiate)


@pytest.mark.parametrize(
    "what",
    [
        {"record_number": 3},
        {"record_number": -1},
        {"num_records": 4},
        {"offset": -1},
        {"offset": 1001},
        {"num_samples": 2**24 + 1},
    ],
    ids=str,
)
def test_parts_outside_the_records_are_refused(scope, what):
    with scope.initiate():
        refused(INVALID_VALUE, lambda: scope.fetch(**what))


def test_more_samples_than_the_simulation_stores_are_refused(scope):
    scope.configure_horizontal_timing(1e6, 2**24, 50.0, 1, True)
    assert "more than the simulation stores" in refused(INVALID_VALUE, scope.initiate)


@pytest.mark.parametrize(
    "name,value",
    [("min_sample_rate", 2e9), ("input_impedance", 75.0), ("vertical_range", 200.0)],
)
def test_values_that_the_hardware_lacks_are_refused(scope, name, value):
    refused(INVALID_VALUE, lambda: setattr(scope, name, value))


def test_the_rate_is_the_next_that_the_hardware_has(scope):
    for asked, actual in ((1e9, 1e9), (400e6, 500e6), (300e6, 1e9 / 3), (10e6, 10e6)):
        scope.min_sample_rate = asked
        assert scope.horz_sample_rate == pytest.approx(actual)
    scope.horz_time_per_record = 1e-3
    assert scope.horz_record_length == 10000
    assert scope.horz_time_per_record.total_seconds() == pytest.approx(1e-3)


@pytest.mark.parametrize("name", ["BUTTERWORTH_FILTER", "MULTI_ACQ_AVERAGE"])
def test_array_measurements_that_are_not_simulated_are_refused(scope, name):
    function = niscope.ArrayMeasurement[name]
    refused(NOT_SERVED, lambda: scope.add_waveform_processing(function))
    with scope.initiate():
        refused(NOT_SERVED, lambda: scope.fetch_array_measurement(function))


def test_processing_uses_the_settings_of_its_time_in_its_order(scope):
    double, shift = niscope.ArrayMeasurement.ARRAY_GAIN, niscope.ArrayMeasurement.ARRAY_OFFSET
    scope.meas_array_gain = 2.0
    scope.add_waveform_processing(double)
    scope.meas_array_gain = 100.0
    scope.meas_array_offset = 1.0
    scope.add_waveform_processing(shift)
    highest = niscope.ScalarMeasurement.VOLTAGE_MAX
    with scope.initiate():
        plain = max(scope.fetch()[0].samples)
        assert scope.fetch_measurement_stats(highest)[0].result == pytest.approx(2 * plain + 1)


def test_an_overload_gives_the_ends_of_the_range(scope, server):
    server.faults.over_range("SCOPE1")
    with scope.initiate():
        assert set(scope.fetch()[0].samples) == {0.5 + 1.25 - 2.5 / 2**14}


class TestRealTime:
    """On the system's clock."""

    @pytest.fixture
    def clock(self):
        return None

    def test_a_record_takes_its_time(self, scope):
        scope.configure_horizontal_timing(1e4, 3000, 0.0, 1, True)
        begin = time.monotonic()
        with scope.initiate():
            assert len(scope.fetch(timeout=-1.0)[0].samples) == 3000
        assert time.monotonic() - begin >= 0.3

    def test_a_record_in_progress_has_no_samples_yet(self, scope):
        scope.configure_horizontal_timing(1.0, 1000, 0.0, 1, True)  # 1000 seconds
        with scope.initiate():
            assert scope.acquisition_status() is niscope.AcquisitionStatus.IN_PROGRESS
            assert [len(each.samples) for each in scope.fetch(timeout=0.0)] == [0, 0]
            refused(TIMEOUT, lambda: scope.fetch(timeout=0.01))

    def test_an_abort_ends_a_wait_for_a_record(self, scope, open_scope):
        scope.configure_horizontal_timing(1.0, 1000, 0.0, 1, True)  # 1000 seconds
        scope.initiate()
        other = open_scope(name="mine")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(scope.fetch, timeout=-1.0)
            other.abort()
            refused(NO_DATA, lambda: waiting.result(60))
