"""Lines of a GPIO device drive nets of the bench, and lose them with their process."""

from __future__ import annotations

import queue
import subprocess
import sys
import textwrap
import time

import grpc
import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim import BenchError, DeviceControl
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc
from exact_bench import EXACT

BENCH = (
    EXACT
    + wire("DMM1/0", "out")
    + part("R1", "resistor", "in", "out", value=950.0)
    + part("R2", "resistor", "out", "GND", value=1000.0)
    + part("R3", "resistor", "free", "other", value=1000.0)
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


@pytest.fixture
def stub(channel):
    return bench_pb2_grpc.BenchStub(channel)


def wait_for_release(server):
    deadline = time.monotonic() + 60.0
    while server.bench.read_nets("free") != {"free": 0.0}:
        assert time.monotonic() < deadline, "the net is still driven"
        time.sleep(0.01)


@pytest.fixture(params=["in this process", "in another process"])
def face(request, server, address):
    """Return the bench as a test of this process has it, or by gRPC."""
    with DeviceControl(address) as control:
        yield server.bench if request.param == "in this process" else control.bench


def test_driven_nets_have_the_voltages_of_the_circuit(face, open_dmm):
    dmm = open_dmm("DMM1")
    with face.net_driver("GPIO1") as lines:
        lines.drive({"in": 4.0})
        found = face.read_nets("in", "out")
        # The multimeter has 10 MΩ.
        assert found == pytest.approx({"in": 3.9, "out": 1.9999}, rel=1e-5)
        assert dmm.read() == pytest.approx(found["out"], rel=1e-9)
        lines.drive({"in": 3.0, "free": 1.0}, resistance=1050.0)
        assert face.read_nets() == pytest.approx(
            {"free": 1.0, "in": 1.95, "other": 1.0, "out": 1.0}, rel=1e-3
        )
        lines.release("in")
        assert face.read_nets("in", "free") == pytest.approx({"in": 0.0, "free": 1.0})
    assert set(face.read_nets().values()) == {0.0}


def test_two_drivers_of_one_net_share_it_as_the_circuit_says(face):
    with face.net_driver("A") as first, face.net_driver("B") as second:
        first.drive({"free": 3.0}, resistance=100.0)
        second.drive({"free": 0.0}, resistance=200.0)
        assert face.read_nets("free") == pytest.approx({"free": 2.0})
        second.close()
        assert face.read_nets("free") == pytest.approx({"free": 3.0})


@pytest.mark.parametrize(
    ("nets", "resistance", "told"),
    [
        ({"nets": 1.0}, 50.0, "The bench has no net 'nets'.* Its nets: free, in, other, out"),
        ({"GND": 1.0}, 50.0, "is the ground"),
        ({"in": float("inf")}, 50.0, "GPIO1 at in: voltage must be finite"),
        ({"in": float("nan")}, 50.0, "voltage must be a number"),
        ({"in": 1.0}, 0.0, "resistance must be above 0"),
    ],
)
def test_a_refused_change_changes_nothing_and_ends_nothing(face, nets, resistance, told):
    with face.net_driver("GPIO1") as lines:
        lines.drive({"free": 2.5})
        with pytest.raises(BenchError, match=told):
            lines.drive({"free": 1.0, **nets}, resistance)
        with pytest.raises(BenchError, match="no net 'x'"):
            lines.release("free", "x")
        assert face.read_nets("free") == pytest.approx({"free": 2.5})
        with pytest.raises(BenchError, match="no net 'x'"):
            face.read_nets("x")


def test_levels_and_drivers_are_listed(stub, server):
    with server.bench.net_driver("GPIO1") as lines:
        lines.drive({"in": 4.0, "free": 0.4}, resistance=50.0)
        found = {net.net: net for net in stub.ReadNets(pb.ReadNetsRequest()).nets}
        assert {net: pb.Level.Name(each.level) for net, each in found.items()} == {
            "in": "LEVEL_HIGH",
            "out": "LEVEL_HIGH",
            "free": "LEVEL_LOW",
            "other": "LEVEL_LOW",
        }
        (driver,) = found["in"].drivers
        assert (driver.name, driver.volts, driver.resistance) == ("GPIO1", 4.0, 50.0)
        assert not found["out"].drivers
        request = pb.ReadNetsRequest(nets=["out", "in"], high_from=3.0, low_to=1.5)
        out, in_ = stub.ReadNets(request).nets
        assert (out.level, in_.level) == (pb.LEVEL_BETWEEN, pb.LEVEL_HIGH)


def test_a_cancelled_stream_drives_nothing_any_more(stub, server):
    requests = queue.SimpleQueue()  # whose end never comes
    requests.put(pb.DriveNetsRequest(drives=[pb.NetDrive(net="free", volts=3.0)]))
    call = stub.DriveNets(iter(requests.get, None))
    assert not next(call).refusal
    assert server.bench.read_nets("free") == pytest.approx({"free": 3.0})
    call.cancel()
    wait_for_release(server)
    requests.put(None)


KILLED = """
    import sys, time
    from device_sim import DeviceControl

    lines = DeviceControl(sys.argv[1]).bench.net_driver("GPIO1")
    lines.drive({"free": 3.0})
    print("driving", flush=True)
    time.sleep(600)
"""


def test_a_killed_process_drives_nothing_any_more(address, server):
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), address], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "driving\n"
        assert server.bench.read_nets("free") == pytest.approx({"free": 3.0})
        process.kill()
    wait_for_release(server)


def test_an_empty_stream_and_a_bench_without_nets_do_no_harm(stub, server):
    assert list(stub.DriveNets(iter([]))) == []
    with pytest.raises(grpc.RpcError) as caught:
        stub.ReadNets(pb.ReadNetsRequest(nets=["GND"]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
