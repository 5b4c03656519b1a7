"""Injected faults, as a plug-in under test sees them. Time is real here."""

from __future__ import annotations

import inspect
import math
import threading

import grpc
import hightime
import nidcpower
import nidmm
import nifgen
import pytest
from device_sim import BenchError, DeviceControl, DeviceServer, Faults, SystemClock
from device_sim.bench import Bench
from device_sim.client import RemoteBench, RemoteFaults
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc
from nidcpower import nidcpower_pb2, nidcpower_pb2_grpc


@pytest.fixture
def clock():
    return SystemClock()


def test_a_driver_error_on_the_nth_call(server, open_dcpower):
    session = open_dcpower("SMU1/0")
    server.faults.fail_call("smu1", rpc="MeasureMultiple", nth=2, code=-1074118575, text="Hot.")
    session.measure_multiple()
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        session.measure_multiple()
    assert (caught.value.code, caught.value.description) == (-1074118575, "Hot.")
    session.measure_multiple()


def test_only_the_device_with_the_fault_fails(server, open_dcpower):
    healthy, broken = open_dcpower("SMU1/0"), open_dcpower("SMU2/0")
    server.faults.fail_call("SMU2", code=-1)
    healthy.reset()
    with pytest.raises(nidcpower.errors.DriverError):
        broken.reset()


@pytest.mark.parametrize(("code", "nth"), [(0, 1), (5, 1), (-5, 0)])
def test_invalid_faults_are_refused(server, code, nth):
    with pytest.raises(ValueError, match=r"negative|counted"):
        server.faults.fail_call("SMU1", code=code, nth=nth)


@pytest.mark.filterwarnings("ignore::nidmm.errors.DriverWarning")
def test_over_range_reads_nan(server, open_dmm):
    dmm = open_dmm("DMM1")
    server.faults.over_range("dmm1")
    assert math.isnan(dmm.read())
    server.faults.clear("DMM1")
    assert not math.isnan(dmm.read())


def test_a_fault_begins_and_ends_at_its_time(server, open_dmm):
    dmm = open_dmm("DMM1")
    server.faults.over_range("DMM1", after=3600.0, lasting=1.0)
    assert not math.isnan(dmm.read())


@pytest.mark.parametrize(
    ("add", "told"),
    [
        (lambda faults: faults.clip_input("S", 1.5), "share must be from 0 to 1"),
        (lambda faults: faults.drop_samples("S", math.nan), "share must be from 0 to 1"),
        (lambda faults: faults.add_noise("S", -1.0), "at least 0 V"),
        (lambda faults: faults.bounce_relay("S", "k0", math.inf), "at least 0 seconds"),
        (lambda faults: faults.over_range("S", after=-1.0), "after at least 0 seconds"),
        (lambda faults: faults.lose_triggers("S", lasting=0.0), "lasts longer than 0"),
    ],
)
def test_faults_with_impossible_values_are_refused(server, address, add, told):
    with pytest.raises(ValueError, match=told):
        add(server.faults)
    with DeviceControl(address) as control, pytest.raises(BenchError, match=told):
        add(control.faults)


def test_every_kind_of_fault_can_be_added_from_another_process(server, address):
    with DeviceControl(address) as control:
        for faults in (control.faults, server.faults):
            faults.over_range("S", after=1.0, lasting=2.0)
            faults.clip_input("S", 0.5, lasting=2.0)
            faults.add_noise("S", 0.25)
            faults.drop_samples("S", 0.125)
            faults.lose_triggers("S")
            faults.stick_relay("S", "K1")
            faults.bounce_relay("S", "k1", 0.5, after=1.0)
    added = [
        (each.kind, each.device, each.amount, each.relay) for each in server.faults._disturbances
    ]
    assert added[:7] == added[7:]


def test_a_device_that_stops_answering_blocks_no_other(server, channel, open_dcpower, open_dmm):
    open_dcpower("SMU1/0", name="silent")
    dmm = open_dmm("DMM1")
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    request = nidcpower_pb2.ResetRequest(vi={"name": "silent"})
    server.faults.stop_answering("SMU1")
    calls = [stub.Reset.future(request) for _ in range(20)]
    assert dmm.read() == 5.0 * 30 or not math.isnan(dmm.read())
    assert not any(call.done() for call in calls)
    server.faults.clear()
    assert all(call.result(timeout=60).status == 0 for call in calls)


def test_a_caller_can_cancel_a_call_to_a_silent_device(server, channel, open_dcpower):
    open_dcpower("SMU1/0", name="silent")
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    server.faults.stop_answering("SMU1")
    with pytest.raises(grpc.RpcError) as caught:
        stub.Reset(nidcpower_pb2.ResetRequest(vi={"name": "silent"}), timeout=0.05)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    server.faults.clear()


def test_a_cancelled_wait_ends_at_once_on_the_server_too(server, channel, open_dcpower):
    session = open_dcpower("SMU1/0", name="mine")
    session.source_delay = 100.0
    session.initiate()
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    request = nidcpower_pb2.WaitForEventWithChannelsRequest(
        vi={"name": "mine"}, event_id_raw=nidcpower.Event.SOURCE_COMPLETE.value, timeout=100.0
    )
    waiting = threading.active_count()
    call = stub.WaitForEventWithChannels.future(request)
    other = open_dcpower("SMU1/0", name="mine")
    assert other.source_delay.total_seconds() == 100.0  # Others can call while one waits.
    call.cancel()
    server.stop()  # This would wait for a call that did not end.
    assert threading.active_count() <= waiting + 1


def test_a_silent_device_does_not_keep_the_server_from_stopping(server, channel, open_dcpower):
    open_dcpower("SMU1/0", name="silent")
    server.faults.stop_answering("SMU1")
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    call = stub.Reset.future(nidcpower_pb2.ResetRequest(vi={"name": "silent"}))
    server.stop(0.05)
    assert call.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)


def test_bench_and_faults_can_be_reached_from_another_process(address, server, open_dcpower):
    session = open_dcpower("SMU1/0", name="mine")
    with DeviceControl(address) as control:
        (info,) = control.sessions
        assert (info.name, info.driver, info.channels) == ("mine", "nidcpower", ("SMU1/0",))
        assert info.model == "NI PXIe-4141"
        control.faults.fail_call("SMU1", rpc="ResetWithChannels", code=-7)
        with pytest.raises(nidcpower.errors.DriverError):
            session.reset()
        control.faults.over_range("SMU1")
        control.faults.stop_answering("SMU9")
        control.faults.clear("SMU1")
        control.faults.clear()
        session.reset()
        with pytest.raises(BenchError, match=r"The bench has no part 'R1'. Its parts: none"):
            control.bench.set("R1", value=5.0)
        with pytest.raises(BenchError, match="negative"):
            control.faults.fail_call("SMU1", code=7)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda control: control.bench.disconnect(3), TypeError),
        (lambda control: control.faults.over_range(3), TypeError),
        (lambda control: control.faults.over_range(None), BenchError),
        (lambda control: control.faults.fail_call(3, code=-7), TypeError),
        (lambda control: control.faults.fail_call("SMU1", code=-7, nth=math.inf), TypeError),
        (lambda control: control.faults.fail_call("SMU1", code=-7, nth=0), BenchError),
        (lambda control: control.bench.set("R1", value="1k"), TypeError),
        (lambda control: control.bench.set("R1", value=math.nan), BenchError),
    ],
)
def test_invalid_calls_from_another_process_do_no_harm(address, open_dcpower, call, error):
    with DeviceControl(address) as control, pytest.raises(error):
        call(control)
    open_dcpower("SMU1/0").reset()


@pytest.mark.parametrize(
    ("method", "request_", "told"),
    [
        ("SetPart", pb.SetPartRequest(), "no part ''"),
        ("SetPart", pb.SetPartRequest(name="R1", values={"name": 1.0}), "multiple values"),
        ("Disconnect", pb.DisconnectRequest(), "Channel '' is not connected"),
        ("AddFault", pb.AddFaultRequest(), "names no device"),
        ("AddFault", pb.AddFaultRequest(fault=pb.Fault(device="SMU1")), "no kind"),
        (
            "AddFault",
            pb.AddFaultRequest(fault=pb.Fault(device="SMU1", fail_call=pb.FailCall())),
            "negative",
        ),
    ],
)
def test_empty_and_odd_messages_are_refused_with_a_text(channel, method, request_, told):
    with pytest.raises(grpc.RpcError) as caught:
        getattr(bench_pb2_grpc.BenchStub(channel), method)(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told in caught.value.details()


@pytest.mark.parametrize(
    ("near", "far"), [(Bench, RemoteBench), (Faults, RemoteFaults), (DeviceServer, DeviceControl)]
)
def test_a_server_in_another_process_has_the_same_methods_as_one_in_this(near, far):
    for name, there in vars(far).items():
        here = vars(near).get(name)
        if name.startswith("_") or name == "close":
            continue
        assert type(here) is type(there), name
        if inspect.isfunction(there):
            assert inspect.signature(there) == inspect.signature(here)


BENCH = """
[[connect]]
channel = "DMM1"
hi = "net"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 2.0
resistance = 1.0

[[part]]
name = "J1"
kind = "open"
a = "net"
b = "GND"
"""


class TestWired:
    @pytest.fixture
    def bench(self, bench_file):
        return bench_file(BENCH)

    def test_parts_can_be_set_from_another_process(self, address, open_dmm):
        dmm = open_dmm("DMM1")
        dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
        with DeviceControl(address) as control:
            assert control.bench.parts["V1"]["voltage"] == 2.0
            control.bench.set("V1", voltage=3.0)
            assert dmm.read() == pytest.approx(3.0, rel=1e-3)
            control.bench.set("V1", resistance=1e3)
            assert control.bench.parts["V1"]["resistance"] == 1e3
            control.bench.set("J1", value=math.inf)
            assert control.bench.parts["J1"]["value"] == math.inf
            control.bench.disconnect("DMM1")
            assert dmm.read() == pytest.approx(0.0, abs=1e-3)
            control.bench.reconnect("DMM1")
            assert dmm.read() == pytest.approx(3.0, rel=1e-3)

    def test_software_triggers_of_each_driver_can_be_lost(
        self, server, open_dcpower, open_dmm, open_fgen
    ):
        for device in ("SMU1", "DMM1", "FGEN1"):
            server.faults.lose_triggers(device)
        generator = open_fgen("FGEN1")
        generator.output_mode = nifgen.OutputMode.FUNC
        generator.start_trigger_type = nifgen.StartTriggerType.SOFTWARE_EDGE
        meter = open_dmm("DMM1")
        meter.configure_trigger(nidmm.TriggerSource.SOFTWARE_TRIG)
        smu = open_dcpower("SMU1/0")
        smu.source_trigger_type = nidcpower.TriggerType.SOFTWARE_EDGE
        smu.source_delay = 0.0
        with generator.initiate(), meter.initiate(), smu.initiate():

            def send() -> None:
                generator.send_software_edge_trigger(nifgen.Trigger.START, "None")
                meter.send_software_trigger()
                smu.send_software_edge_trigger(nidcpower.SendSoftwareEdgeTriggerType.SOURCE)

            send()
            waiting = nifgen.HardwareState.WAITING_FOR_START_TRIGGER
            assert generator.get_hardware_state() is waiting
            with pytest.raises(nidmm.errors.DriverError):
                meter.fetch(maximum_time=hightime.timedelta(milliseconds=50))
            with pytest.raises(nidcpower.errors.DriverError):
                smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, timeout=0.05)
            server.faults.clear()
            send()
            assert generator.get_hardware_state() is nifgen.HardwareState.RUNNING
            assert meter.fetch() != 0.0
            smu.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, timeout=20.0)
