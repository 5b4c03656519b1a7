"""A page about the bench finds its channels, parts, faults and picture, and changes nothing."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from xml.etree import ElementTree

import grpc
import nidcpower
import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim import BenchError, DeviceControl, Drifting, Opening
from device_sim.bench import Bench, Output
from device_sim.clock import ManualClock
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc
from exact_bench import EXACT, source_volts
from hypothesis import given, settings
from hypothesis import strategies as st

BENCH = (
    EXACT
    + '[instruments.SMU1]\nmodel = "4141"\n'
    + wire("SMU1/3", "x")
    + wire("SMU1/2", "in", "GND")
    + wire("Dmm1", "out")
    + part("R1", "resistor", "in", "out", value=900.0)
    + part("C1", "capacitor", "out", "GND", value=1e-6)
    + part("R2", "resistor", "out", "GND", value=100.0)
    + part("R3", "resistor", "x", "GND", value=100.0)
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


@pytest.fixture
def stub(channel):
    return bench_pb2_grpc.BenchStub(channel)


@pytest.fixture
def channels(stub):
    """Return the channels by name."""
    return lambda: {
        each.name: each for each in stub.ListChannels(pb.ListChannelsRequest()).channels
    }


def quantities(found):
    return {each.name: (each.value, each.unit) for each in found.setpoints}


def test_wired_channels_are_listed_without_a_session(channels):
    found = channels()
    assert list(found) == ["Dmm1/0", "SMU1/2", "SMU1/3"]
    smu = found["SMU1/2"]
    assert (smu.instrument, smu.driver, smu.model) == ("SMU1", "nidcpower", "NI PXIe-4141")
    assert (smu.hi, smu.lo, smu.is_open) == ("in", "GND", False)
    assert (smu.volts, smu.amperes, list(smu.sessions)) == (0.0, 0.0, [])
    assert not smu.HasField("output_on")
    assert (found["Dmm1/0"].driver, found["Dmm1/0"].model) == ("", "")


def test_an_output_is_shown_with_its_setpoints_and_what_it_gives(
    channels, open_dcpower, open_dmm, clock
):
    session = open_dcpower("smu1/2", name="mine")
    open_dmm("DMM1")
    assert not channels()["SMU1/2"].output_on
    with source_volts(session, 2.0, limit=0.01):
        session.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
        clock.advance(0.1)  # The capacitor is charged.
        found = channels()
        smu, dmm = found["SMU1/2"], found["Dmm1/0"]
        assert (smu.output_on, list(smu.sessions), smu.is_limited) == (True, ["mine"], False)
        assert quantities(smu) == {"voltage level": (2.0, "V"), "current limit": (0.01, "A")}
        assert smu.volts == pytest.approx(2.0)
        assert smu.amperes == pytest.approx(2e-3, rel=1e-4)
        assert dmm.volts == pytest.approx(0.2, rel=1e-4)
        assert (dmm.driver, dmm.model, dmm.HasField("output_on")) == ("nidmm", "NI PXIe-4081", 0)
        assert quantities(dmm)["range of dc volts"][1] == "V"
        session.current_limit = 1e-3
        assert channels()["SMU1/2"].is_limited


def test_every_driver_describes_its_channels(
    channels, open_digital, open_dcpower, open_dmm, open_fgen, open_scope, open_switch
):
    open_fgen("FGEN1", "0"), open_scope("SCOPE1"), open_switch("SW1", "2737/2-Wire 4x64 Matrix")
    open_digital("DIG1").vih = 1.8
    found = channels()
    assert quantities(found["DIG1/31"])["vih"] == (1.8, "V")
    assert not found["DIG1/31"].output_on
    assert quantities(found["FGEN1/0"])["sample rate"][1] == "S/s"
    assert not found["FGEN1/0"].output_on
    assert found["FGEN1/0"].HasField("output_on")
    assert quantities(found["SCOPE1/1"])["input impedance"] == (1e6, "Ω")
    assert not found["SCOPE1/1"].HasField("volts")
    rows = [name for name in found if name.startswith("SW1/c")]
    assert rows == [f"SW1/c{number}" for number in range(64)]


def test_open_connections_and_drifts_are_listed(server, address):
    with DeviceControl(address) as control:
        for bench in (control.bench, server.bench):
            bench.disconnect("smu1/2")
            bench.set("R1", drift=0.5)
            for listed in (control.bench, server.bench):
                assert listed.open_connections == [Opening("SMU1/2")]
                assert listed.drifts == [Drifting("R1", 0.5)]
            bench.reconnect("SMU1/2")
            bench.set("R1", drift=0.0)
            for listed in (control.bench, server.bench):
                assert (listed.open_connections, listed.drifts) == ([], [])


def test_each_fault_is_listed_as_it_would_be_added_again(server, address, clock):
    with DeviceControl(address) as control:
        faults = server.faults
        faults.fail_call("SMU1", rpc="Reset", nth=3, code=-7, text="Hot.", lasting=9.0)
        faults.stop_answering("DMM1", after=5.0)
        faults.over_range("S", after=1.0, lasting=2.0)
        faults.clip_input("S", 0.5, lasting=4.0)
        faults.add_noise("S", 0.25)
        faults.drop_samples("S", 0.125)
        faults.lose_triggers("S")
        faults.stick_relay("S", "K1")
        faults.bounce_relay("S", "k1", 0.5, after=1.0)
        assert control.faults.all == faults.all
        clock.advance(2.0)
        listed = {each.kind: each for each in control.faults.all}
        assert (listed["over_range"].after, listed["over_range"].lasting) == (0.0, 1.0)
        assert (listed["clip_input"].lasting, listed["add_noise"].lasting) == (2.0, math.inf)
        before = faults.all
        faults.clear()
        for each in before:
            add = getattr(control.faults, each.kind)
            add(each.device, **each.arguments, after=each.after, lasting=each.lasting)
        assert control.faults.all == before
        clock.advance(2.0)
        assert {"over_range", "clip_input"}.isdisjoint(each.kind for each in faults.all)


@pytest.fixture(scope="module")
def same_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "bench.toml"
    file.write_text(BENCH, encoding="utf-8")
    return file


def readings(file: Path, looks: list[float]) -> list[float]:
    """Return what a meter reads while somebody looks at the bench at some times."""
    clock = ManualClock()
    bench = Bench.load(file, clock)
    bench.drift("R2", 100.0, after=1e-4)
    found = []
    for number, level in enumerate((1.0, 2.0, -1.0, 0.5)):
        bench.timeline.advance(clock.now())
        bench.drive("SMU1/2", Output("voltage", level, -1.0, 1.0), number * 1e-3)
        for look in sorted(looks):
            clock.advance(number * 1e-3 + look - clock.now())
            bench.present("DMM1")
            bench.read_nets()
            bench.measure("SMU1/2", clock.now() - 1e-5, clock.now())
        clock.advance((number + 1) * 1e-3 - clock.now())
        bench.timeline.advance(clock.now())
        found.append(bench.measure("DMM1", clock.now() - 5e-4, clock.now()).voltage)
    return found


@given(looks=st.lists(st.floats(1e-6, 9e-4), min_size=1, max_size=8))
@settings(deadline=None, max_examples=30)
def test_who_looks_at_a_bench_does_not_change_what_others_read(same_file, looks):
    assert readings(same_file, looks) == readings(same_file, [])


def test_a_picture_comes_as_svg(stub):
    svg = stub.GetPicture(pb.GetPictureRequest()).svg
    found = [each.text.strip() for each in ElementTree.fromstring(svg).iter() if each.text]
    assert {"SMU1/2", "R1", "out"} <= set(found)


def test_without_schemdraw_there_is_no_picture_but_a_hint(stub, monkeypatch):
    monkeypatch.setitem(sys.modules, "schemdraw", None)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetPicture(pb.GetPictureRequest())
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "Install the extra draw" in caught.value.details()


class TestWithoutABench:
    @pytest.fixture
    def bench(self):
        return None

    def test_there_is_no_picture_but_a_hint(self, stub, address):
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetPicture(pb.GetPictureRequest())
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "--bench FILE" in caught.value.details()
        with DeviceControl(address) as control, pytest.raises(BenchError, match="--bench FILE"):
            control.bench.picture()

    def test_only_channels_of_sessions_are_listed(self, channels, open_dcpower):
        assert channels() == {}
        open_dcpower("SMU1/0, SMU2/1")
        found = channels()
        assert list(found) == ["SMU1/0", "SMU2/1"]
        assert not found["SMU1/0"].HasField("volts")
        assert found["SMU1/0"].hi == ""
