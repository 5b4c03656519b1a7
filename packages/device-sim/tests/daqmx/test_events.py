"""Events of tasks: streams that a client opens, and that end with it. Time is real here."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import grpc
import nidaqmx
import numpy as np
import pytest
from daqmx_refusals import refused
from device_sim import SystemClock
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx._stubs import nidaqmx_pb2_grpc
from nidaqmx.constants import AcquisitionType, EveryNSamplesEventType, RegenerationMode, Signal
from nidaqmx.error_codes import DAQmxErrors

PATIENCE = 60.0
ACQUIRED = EveryNSamplesEventType.ACQUIRED_INTO_BUFFER.value


@pytest.fixture
def clock():
    return SystemClock()


@pytest.fixture
def ai_task(task: nidaqmx.Task) -> nidaqmx.Task:
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.timing.cfg_samp_clk_timing(10_000.0, samps_per_chan=1000)
    return task


class Observer:
    """Keeps the events of a callback."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []
        self._changed = threading.Condition()

    def __call__(self, task: object, *facts: object) -> int:
        with self._changed:
            self.seen.append(tuple(fact for fact in facts if isinstance(fact, int)))
            self._changed.notify_all()
        return 0

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, PATIENCE), self.seen


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_client_hears_of_samples_and_of_the_end(ai_task):
    samples, done = Observer(), Observer()
    ai_task.register_every_n_samples_acquired_into_buffer_event(100, samples)
    ai_task.register_done_event(done)
    for turn in range(1, 4):
        ai_task.start()
        samples.wait_for(10 * turn)
        done.wait_for(turn)
        ai_task.stop()
    assert samples.seen == [(ACQUIRED, 100)] * 30
    assert done.seen == [(0,)] * 3


def test_events_come_while_the_samples_are_read(ai_task):
    read: list[int] = []
    finished = threading.Event()

    def take(task: object, kind: int, count: int, data: object) -> int:
        read.append(len(ai_task.read(count)))
        if sum(read) == 1000:
            finished.set()
        return 0

    ai_task.timing.cfg_samp_clk_timing(10_000.0, sample_mode=AcquisitionType.CONTINUOUS)
    ai_task.register_every_n_samples_acquired_into_buffer_event(200, take)
    ai_task.start()
    assert finished.wait(PATIENCE)
    ai_task.stop()
    assert set(read) == {200}


def test_each_sample_can_be_an_event(ai_task):
    signals = Observer()
    ai_task.timing.cfg_samp_clk_timing(1000.0, samps_per_chan=20)
    ai_task.register_signal_event(Signal.SAMPLE_COMPLETE, signals)
    ai_task.start()
    signals.wait_for(20)
    ai_task.wait_until_done()
    assert signals.seen == [(Signal.SAMPLE_COMPLETE.value,)] * 20


def test_outputs_tell_of_the_samples_that_left_the_buffer(task):
    sent = Observer()
    task.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    task.timing.cfg_samp_clk_timing(10_000.0, samps_per_chan=1000)
    task.register_every_n_samples_transferred_from_buffer_event(250, sent)
    task.write(np.zeros(1000), auto_start=False)
    task.start()
    sent.wait_for(4)
    assert sent.seen == [(EveryNSamplesEventType.TRANSFERRED_FROM_BUFFER.value, 250)] * 4


def test_the_end_by_an_error_is_told_with_its_code(task):
    done = Observer()
    task.ao_channels.add_ao_voltage_chan("Dev1/ao0")
    task.timing.cfg_samp_clk_timing(10_000.0, sample_mode=AcquisitionType.CONTINUOUS)
    task.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
    task.register_done_event(done)
    task.write(np.zeros(100), auto_start=True)
    done.wait_for(1)
    assert done.seen == [(DAQmxErrors.GEN_STOPPED_TO_PREVENT_REGEN_OF_OLD_SAMPLES.value,)]


def test_an_event_that_a_client_does_not_want_any_more_does_not_come(ai_task):
    samples = Observer()
    ai_task.register_every_n_samples_acquired_into_buffer_event(100, samples)
    ai_task.register_every_n_samples_acquired_into_buffer_event(100, None)
    ai_task.start()
    ai_task.wait_until_done()
    assert samples.seen == []


def test_only_one_client_hears_of_an_event(ai_task, channel):
    ai_task.register_done_event(Observer())
    with pytest.raises(grpc.RpcError) as caught:
        list(streams(channel).RegisterDoneEvent(pb.RegisterDoneEventRequest(task=ai_task._handle)))
    code = dict(caught.value.trailing_metadata())["ni-error"]
    assert int(code) == DAQmxErrors.DONE_EVENT_ALREADY_REGISTERED.value


def test_events_of_the_other_direction_are_refused(ai_task):
    refused(
        DAQmxErrors.EVERY_N_SAMPS_TRANSFERRED_FROM_BUFFER_EVENT_NOT_SUPPORTED_BY_DEVICE,
        lambda: ai_task.register_every_n_samples_transferred_from_buffer_event(10, Observer()),
    )


def test_a_registration_while_the_task_runs_is_refused(ai_task):
    ai_task.start()
    refused(
        DAQmxErrors.CANNOT_REGISTER_DA_QMX_SOFTWARE_EVENT_WHILE_TASK_IS_RUNNING,
        lambda: ai_task.register_done_event(Observer()),
    )


def streams(channel: grpc.Channel) -> nidaqmx_pb2_grpc.NiDAQmxStub:
    return nidaqmx_pb2_grpc.NiDAQmxStub(channel)


def registered(channel: grpc.Channel, task: nidaqmx.Task) -> grpc.Call:
    """Open a stream of done events, and wait until the server has accepted it."""
    stream = streams(channel).RegisterDoneEvent(pb.RegisterDoneEventRequest(task=task._handle))
    stream.initial_metadata()
    assert not stream.done()
    return stream


def can_register(channel: grpc.Channel, task: nidaqmx.Task) -> bool:
    try:
        registered(channel, task).cancel()
    except AssertionError:
        return False
    return True


def test_a_stream_that_is_cancelled_leaves_its_place_to_another(ai_task, channel):
    registered(channel, ai_task).cancel()
    until(lambda: can_register(channel, ai_task))


def test_the_streams_of_a_task_end_when_it_is_cleared(ai_task, channel):
    stream = registered(channel, ai_task)
    ai_task.close()
    assert list(stream) == []
    assert stream.code() is grpc.StatusCode.OK


CLIENT = """
import sys, grpc
from nidaqmx._stubs import nidaqmx_pb2 as pb, nidaqmx_pb2_grpc
channel = grpc.insecure_channel(sys.argv[1])
stub = nidaqmx_pb2_grpc.NiDAQmxStub(channel)
stream = stub.RegisterDoneEvent(pb.RegisterDoneEventRequest(task={"name": sys.argv[2]}))
stream.initial_metadata()
print("registered", flush=True)
list(stream)
"""


def test_a_client_that_is_killed_leaves_its_place_to_another(ai_task, address, channel):
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, address, ai_task._handle.name],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    with client.stdout:
        assert client.stdout.readline() == "registered\n"
        client.kill()
        client.wait()
    until(lambda: can_register(channel, ai_task))


def test_streams_leave_no_thread_behind(ai_task, channel):
    def waiting() -> int:
        frames = sys._current_frames().values()
        return sum(map(_waits, frames))

    opened = registered(channel, ai_task)
    until(lambda: waiting() == 1)
    opened.cancel()
    until(lambda: waiting() == 0)


def _waits(frame) -> bool:
    """Return whether a thread is in the stream of an event."""
    while frame is not None:
        if frame.f_code.co_filename.endswith("event_calls.py"):
            return True
        frame = frame.f_back
    return False
