"""Tasks: their states, what they reserve, what several clients see, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import nidaqmx
import pytest
from daqmx_refusals import refused
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx._stubs import nidaqmx_pb2_grpc
from nidaqmx.constants import AcquisitionType, LoggingMode, Signal, TaskMode
from nidaqmx.error_codes import DAQmxErrors

PATIENCE = 60.0


@pytest.fixture
def ai_task(task: nidaqmx.Task) -> nidaqmx.Task:
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    return task


def test_a_task_without_a_name_gets_one_of_its_own(open_task):
    assert [open_task().name for _ in range(3)] == [f"_unnamedTask<{n}>" for n in range(3)]
    assert open_task("mine").name == "mine"


def test_a_task_tells_what_is_in_it(task):
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0:2, cDAQ1Mod1/ai0")
    assert list(task.channel_names) == ["Dev1/ai0", "Dev1/ai1", "Dev1/ai2", "cDAQ1Mod1/ai0"]
    assert task.number_of_channels == 4
    assert [device.name for device in task.devices] == ["Dev1", "cDAQ1Mod1"]
    assert task.number_of_devices == 2


def test_all_clients_of_a_name_share_the_task(open_task):
    first, second = open_task("shared"), open_task("shared")
    first.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    assert list(second.channel_names) == ["Dev1/ai0"]
    second.start()
    refused(DAQmxErrors.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING, first.start)


def test_a_task_starts_once_and_stops_as_often_as_wanted(ai_task):
    ai_task.stop()
    ai_task.start()
    refused(DAQmxErrors.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING, ai_task.start)
    ai_task.stop()
    ai_task.stop()
    ai_task.start()


def test_nothing_is_changed_while_a_task_runs(ai_task):
    ai_task.start()
    running = DAQmxErrors.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING
    refused(running, lambda: ai_task.ai_channels.add_ai_voltage_chan("Dev1/ai1"))
    refused(running, lambda: ai_task.timing.cfg_samp_clk_timing(1000.0))
    refused(running, lambda: ai_task.control(TaskMode.TASK_UNRESERVE))


def test_a_task_without_channels_does_nothing(task):
    for action in (task.start, lambda: task.control(TaskMode.TASK_VERIFY)):
        refused(DAQmxErrors.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, action)
    assert task.is_task_done()


def test_a_converter_belongs_to_the_task_that_has_reserved_it(open_task):
    first, second = open_task(), open_task()
    for number, task in enumerate((first, second)):
        task.ai_channels.add_ai_voltage_chan(f"Dev1/ai{number}")
    first.control(TaskMode.TASK_RESERVE)
    refused(DAQmxErrors.PAL_RESOURCE_RESERVED, second.start)
    refused(DAQmxErrors.PAL_RESOURCE_RESERVED, second.read)
    first.control(TaskMode.TASK_UNRESERVE)
    second.start()
    refused(DAQmxErrors.PAL_RESOURCE_RESERVED, first.read)
    second.close()
    assert isinstance(first.read(), float)


@pytest.mark.parametrize("end", [TaskMode.TASK_STOP, TaskMode.TASK_ABORT])
def test_a_task_that_ends_gives_its_converter_back(open_task, end):
    first, second = open_task(), open_task()
    for task in (first, second):
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    first.start()
    first.control(end)
    second.start()


def test_channels_of_one_kind_and_with_different_names_are_in_a_task(ai_task):
    refused(
        DAQmxErrors.MULTI_CHAN_TYPES_IN_TASK,
        lambda: ai_task.ao_channels.add_ao_voltage_chan("Dev1/ao0"),
    )
    refused(
        DAQmxErrors.CHAN_ALREADY_IN_TASK,
        lambda: ai_task.ai_channels.add_ai_voltage_chan("Dev1/ai0"),
    )
    ai_task.ai_channels.add_ai_voltage_chan("Dev1/ai0", "again")
    assert list(ai_task.channel_names) == ["Dev1/ai0", "again"]


def test_a_read_that_waits_ends_when_another_client_clears_the_task(open_task, channel):
    task = open_task("cleared")
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.timing.cfg_samp_clk_timing(1.0, sample_mode=AcquisitionType.CONTINUOUS)
    with ThreadPoolExecutor(1) as pool:
        task.start()
        waiting = pool.submit(task.read, 10, PATIENCE)
        open_task("cleared").stop()
        with pytest.raises(nidaqmx.errors.DaqError):
            waiting.result(PATIENCE)
            task.read(10, 0.0)


def test_many_clients_start_and_stop_one_task_without_another_error(open_task):
    task = open_task("raced")
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.timing.cfg_samp_clk_timing(1000.0, sample_mode=AcquisitionType.CONTINUOUS)
    seen = set()

    def turn(number: int) -> None:
        try:
            (task.start, task.stop, lambda: task.read(1))[number % 3]()
        except nidaqmx.errors.DaqError as error:
            seen.add(error.error_code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(300)))
    task.stop()
    assert seen <= {
        DAQmxErrors.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING.value,
        DAQmxErrors.SAMPLES_WILL_NEVER_BE_AVAILABLE.value,
    }


def test_a_saved_task_is_not_there(channel):
    stub = nidaqmx_pb2_grpc.NiDAQmxStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.LoadTask(pb.LoadTaskRequest(session_name="mine"))
    code = int(dict(caught.value.trailing_metadata())["ni-error"])
    assert code == DAQmxErrors.TASK_NOT_IN_DATA_NEIGHBORHOOD.value
    assert "mine" in caught.value.details()


def test_what_is_not_simulated_is_refused_by_its_name(ai_task, channel):
    stub = nidaqmx_pb2_grpc.NiDAQmxStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.BeginReadAnalogF64(pb.BeginReadAnalogF64Request(task=ai_task._handle))
    assert "Not simulated: BeginReadAnalogF64" in caught.value.details()
    ai_task.in_stream.configure_logging("samples.tdms", LoggingMode.LOG_AND_READ)
    error = refused(DAQmxErrors.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, ai_task.start)
    assert "Not simulated: logging to a TDMS file" in str(error)


def test_a_trigger_needs_a_sample_clock(ai_task):
    ai_task.triggers.start_trigger.cfg_dig_edge_start_trig("PFI0")
    refused(DAQmxErrors.TRIG_WHEN_ON_DEMAND_SAMP_TIMING, ai_task.start)
    ai_task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=10)
    assert len(ai_task.read(10)) == 10


def test_settings_without_effect_are_refused(ai_task):
    ai_task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=10)
    ai_task.triggers.start_trigger.delay = 0.5
    error = refused(DAQmxErrors.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, ai_task.start)
    assert "START_TRIG_DELAY" in str(error)
    ai_task.triggers.start_trigger.delay = 0.0
    ai_task.start()


@pytest.mark.parametrize("source", ["PFI0", "/Dev1/PFI15", "PXI_Trig3", "/FGEN1/Marker0Event"])
def test_a_trigger_comes_from_a_terminal_that_exists(ai_task, source):
    ai_task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=10)
    ai_task.triggers.start_trigger.cfg_dig_edge_start_trig(source)
    ai_task.control(TaskMode.TASK_VERIFY)
    ai_task.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/PFI16")
    error = DAQmxErrors.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING
    refused(error, lambda: ai_task.control(TaskMode.TASK_VERIFY))


def test_a_trigger_is_exported_to_a_terminal_that_exists(ai_task):
    ai_task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=10)
    ai_task.export_signals.export_signal(Signal.START_TRIGGER, "/Dev1/PFI1")
    assert ai_task.export_signals.start_trig_output_term == "/Dev1/PFI1"
    ai_task.start()
    ai_task.stop()
    ai_task.export_signals.start_trig_output_term = "nowhere"
    refused(DAQmxErrors.INVALID_ROUTING_DESTINATION_TERMINAL_NAME_ROUTING, ai_task.start)
    refused(
        DAQmxErrors.FUNCTION_NOT_SUPPORTED_FOR_DEVICE,
        lambda: ai_task.export_signals.export_signal(Signal.SAMPLE_CLOCK, "/Dev1/PFI1"),
    )


def test_the_text_of_each_error_can_be_asked_for(task):
    assert "reserved" in task._interpreter.get_error_string(-50103)
    assert task._interpreter.get_error_string(-201462)  # which is never raised here
    assert task._interpreter.get_error_string(0) == task._interpreter.get_error_string(12345678)


def test_an_overview_has_the_channels_of_tasks(server, ai_task):
    (info,) = server.sessions
    assert (info.driver, info.channels) == ("nidaqmx", ("Dev1/ai0",))
