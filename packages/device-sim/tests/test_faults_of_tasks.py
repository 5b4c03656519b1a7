"""Injected faults, as a plug-in with DAQ tasks sees them."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Timer

import nidaqmx
import numpy as np
import pytest
from bench_text import channel, part
from device_sim import SystemClock
from exact_bench import EXACT
from nidaqmx.constants import AcquisitionType
from nidaqmx.errors import DaqError, DaqReadError, RpcError

RATE = 1000.0
TOO_HOT = -200680
TIMED_OUT = -200284


@pytest.fixture
def make_task(channel):
    """Return a function that makes a task with one or more voltage inputs."""
    with ExitStack() as stack:

        def make(channels="Dev1/ai0", *, name="Inputs", samples=None, **limits):
            options = nidaqmx.GrpcSessionOptions(channel, name)
            task = stack.enter_context(nidaqmx.Task(name, grpc_options=options))
            if channels:
                task.ai_channels.add_ai_voltage_chan(channels, **limits)
            if samples:
                task.timing.cfg_samp_clk_timing(RATE, samps_per_chan=samples)
            return task

        yield make


def test_a_call_fails_for_its_device_or_for_its_task(server, make_task):
    task = make_task()
    for name in ("dev1", "INPUTS"):
        server.faults.fail_call(name, rpc="ReadAnalogF64", nth=2, code=TOO_HOT, text="Too hot.")
        task.read()
        with pytest.raises(DaqError, match=r"Too hot\.") as failed:
            task.read()
        assert failed.value.error_code == TOO_HOT
        task.read()


@pytest.mark.parametrize("name", ["Inputs", "Dev1", "Dev2"])
def test_the_first_channel_of_a_task_can_fail(server, make_task, name):
    server.faults.fail_call(name, rpc="CreateAIVoltageChan", code=TOO_HOT)
    task = make_task("")
    with pytest.raises(DaqError):
        task.ai_channels.add_ai_voltage_chan("Dev2/ai0, Dev1/ai3")
    task.ai_channels.add_ai_voltage_chan("Dev2/ai0, Dev1/ai3")


def test_a_call_about_a_device_can_fail(server, channel):
    server.faults.fail_call("Dev2", code=TOO_HOT)
    system = nidaqmx.system.System.remote(nidaqmx.GrpcSessionOptions(channel, ""))
    assert system.devices["Dev1"].product_type
    with pytest.raises(DaqError):
        assert system.devices["Dev2"].product_type


def test_only_the_task_with_the_fault_fails(server, make_task):
    healthy, broken = make_task(), make_task("Dev2/ai0", name="Others")
    server.faults.fail_call("Others", code=TOO_HOT)
    healthy.read()
    with pytest.raises(DaqError):
        broken.read()


@pytest.mark.parametrize(("low", "high"), [(-10.0, 10.0), (-1.0, 1.0)])
def test_an_overload_reads_the_end_of_the_range(server, make_task, low, high):
    task = make_task("Dev1/ai0:1", samples=20, min_val=low, max_val=high)
    end = task.ai_channels[0].ai_rng_high
    server.faults.over_range("Dev1")
    assert np.array(task.read(20)) == pytest.approx(end)
    server.faults.clear()
    assert np.max(task.read(20)) < end


def test_an_overload_begins_and_ends_at_its_times(server, make_task):
    task = make_task(samples=100)
    server.faults.over_range("Dev1", after=0.0205, lasting=0.010)
    end = task.ai_channels[0].ai_rng_high
    overloads = np.flatnonzero(np.array(task.read(100)) == end)
    assert overloads.tolist() == list(range(21, 31))


def test_inputs_clip_at_a_share_of_their_range(server, make_task):
    task = make_task(samples=100, min_val=-10.0, max_val=10.0)
    server.faults.clip_input("Dev1", 0.25)
    samples = task.read(100)
    assert (min(samples), max(samples)) == (-2.5, 2.5)


def test_noise_is_added_to_each_channel_on_its_own(server, make_task):
    task = make_task("Dev1/ai0:1", samples=1000, min_val=-1.0, max_val=1.0)
    before = np.array(task.read(1000))
    server.faults.add_noise("Dev1", 0.05)
    noise = np.array(task.read(1000)) - before
    inside = np.abs(before) < 0.5
    assert np.std(noise[inside]) == pytest.approx(0.05, rel=0.15)
    both = noise[:, inside.all(axis=0)]
    assert abs(np.corrcoef(both)[0, 1]) < 0.3


def test_a_lost_sample_repeats_the_one_before(server, make_task):
    task = make_task(samples=500)
    whole = np.array(task.read(500))
    server.faults.drop_samples("Dev1", 0.2)
    samples = np.array(task.read(500))
    lost = np.flatnonzero(samples != whole)
    assert 50 < len(lost) < 150
    assert np.array_equal(samples[lost], samples[lost - 1])


def test_a_task_whose_start_trigger_is_lost_gets_no_samples(server, make_task):
    task = make_task(samples=10)
    task.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/PFI0")
    assert len(task.read(10)) == 10  # without wiring it triggers itself
    server.faults.lose_triggers("Dev1")
    with pytest.raises(DaqReadError) as failed:
        task.read(10, timeout=0.5)
    assert failed.value.error_code == TIMED_OUT
    task.stop()
    server.faults.clear()
    assert len(task.read(10)) == 10


def test_a_continuous_task_goes_on_after_a_failed_read(server, make_task):
    task = make_task()
    task.timing.cfg_samp_clk_timing(RATE, sample_mode=AcquisitionType.CONTINUOUS)
    task.start()
    server.faults.fail_call("Inputs", rpc="ReadAnalogF64", code=TOO_HOT)
    with pytest.raises(DaqError):
        task.read(10)
    assert len(task.read(10)) == 10


class TestOnTheBench:
    @pytest.fixture
    def bench(self, bench_file):
        wires = channel("Dev1/ao0", "net") + channel("Dev1/ai0", "far") + channel("Dev1/ai1", "net")
        return bench_file(
            EXACT
            + wires
            + part("R1", "resistor", "net", "far", value=1e3)
            + part("R2", "resistor", "far", "GND", value=1e3)
        )

    @pytest.fixture
    def driven(self, make_task, clock):
        """Return a task that reads a divider and its voltage of 4 V."""
        output = make_task("", name="Output")
        output.ao_channels.add_ao_voltage_chan("Dev1/ao0")
        output.write(4.0)
        clock.advance(1.0)  # for the inputs' capacitance
        return make_task("Dev1/ai0:1", samples=100, min_val=-10.0, max_val=10.0)

    def test_a_wire_is_open_between_two_times(self, server, driven):
        server.bench.disconnect("Dev1/ao0", after=0.0205, lasting=0.010)
        divided, _ = np.array(driven.read(100))
        assert np.flatnonzero(divided < 1.0).tolist() == list(range(21, 31))
        assert divided[:21] == pytest.approx(2.0, abs=0.01)
        assert divided[31:] == pytest.approx(2.0, abs=0.01)

    def test_a_resistor_drifts_for_a_time(self, server, driven):
        server.bench.drift("R2", 10.0, lasting=0.050)  # by half of its value
        divided, whole = np.array(driven.read(100))
        assert divided[49] == pytest.approx(4.0 * 1.49 / 2.49, abs=0.02)
        assert divided[60] == pytest.approx(2.0, abs=0.01)
        assert whole == pytest.approx(4.0, abs=0.02)

    def test_faults_of_the_device_change_what_it_reads_of_the_bench(self, server, driven):
        server.faults.clip_input("Dev1", 0.1)
        divided, whole = np.array(driven.read(100))
        assert (divided.max(), whole.max()) == (1.0, 1.0)
        server.faults.clear()
        server.faults.over_range("Dev1")
        assert np.array(driven.read(100)) == pytest.approx(10.0)


class TestInRealTime:
    @pytest.fixture
    def clock(self):
        return SystemClock()

    def test_a_silent_device_answers_no_task_on_it_until_it_is_well_again(self, server, make_task):
        task, other = make_task(), make_task("Dev2/ai0", name="Others")
        server.faults.stop_answering("Dev1")
        other.read()
        well = Timer(0.3, server.faults.clear)
        well.start()
        assert isinstance(task.read(), float)
        assert server.faults.all == []
        well.join()

    def test_a_task_can_be_closed_while_its_device_is_silent(self, server, channel, make_task):
        task = make_task()
        server.faults.stop_answering("Dev1", lasting=60.0)
        task.close()
        with pytest.raises((DaqError, RpcError)):
            nidaqmx.Task(
                grpc_options=nidaqmx.GrpcSessionOptions(
                    channel,
                    "Inputs",
                    initialization_behavior=nidaqmx.SessionInitializationBehavior.ATTACH_TO_SERVER_SESSION,
                )
            )
