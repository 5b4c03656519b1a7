"""Open wires, drifts, failing calls and silence begin and end at exact times."""

from __future__ import annotations

import math

import nidcpower
import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim import BenchError, DeviceControl, Drifting, Opening
from device_sim.bench import Bench, Output
from device_sim.clock import ManualClock
from exact_bench import EXACT

BENCH = (
    EXACT
    + wire("SMU1/0", "net")
    + wire("DMM1", "net")
    + part("R1", "resistor", "net", "GND", value=100.0)
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


@pytest.fixture(params=["in this process", "in another process"])
def face(request, server, address):
    with DeviceControl(address) as control:
        yield server if request.param == "in this process" else control


def made(bench_file, content: str = BENCH) -> tuple[Bench, ManualClock]:
    clock = ManualClock()
    bench = Bench.load(bench_file(content), clock)
    bench.drive("SMU1/0", Output("voltage", 1.0, -1.0, 1.0), 0.0)
    return bench, clock


@pytest.mark.parametrize("looks", [1, 100])
def test_a_wire_is_open_between_two_exact_times(bench_file, looks):
    bench, clock = made(bench_file)
    bench.disconnect("SMU1/0", after=1.0, lasting=0.5)
    for _ in range(looks):
        clock.advance(2.0 / looks)
        bench.read_nets()
    assert bench.changes("SMU1/0", 0.1, 2.0) == [1.0, 1.5]
    currents = [bench.measure("SMU1/0", at - 1e-9, at).current for at in (1.0, 1.5, 1.6)]
    assert currents == pytest.approx([0.01, 0.0, 0.01])


def test_an_opening_is_listed_and_a_repair_cancels_it(face, clock):
    bench = face.bench
    bench.disconnect("SMU1/0", after=1.0, lasting=0.5)
    assert bench.open_connections == [Opening("SMU1/0", 1.0, 0.5)]
    with pytest.raises(BenchError, match="reconnect it first"):
        bench.disconnect("SMU1", lasting=3.0)
    clock.advance(1.25)
    assert bench.open_connections == [Opening("SMU1/0", 0.0, 0.25)]
    clock.advance(0.25)
    assert bench.open_connections == []
    bench.disconnect("SMU1/0", after=1.0)
    bench.reconnect("SMU1/0")
    clock.advance(2.0)
    assert bench.open_connections == []
    with pytest.raises(BenchError, match="was not disconnected before"):
        bench.reconnect("SMU1/0")


def test_a_part_drifts_between_two_times_and_then_has_its_value_again(face, clock, open_dcpower):
    smu = open_dcpower("SMU1/0")
    smu.voltage_level, smu.aperture_time, smu.source_delay = 1.0, 1e-5, 0.0
    face.bench.drift("R1", 0.5, after=1.0, lasting=2.0)
    assert face.bench.drifts == [Drifting("R1", 0.5, 1.0, 2.0)]
    with smu.initiate():
        found = []
        for _ in range(4):
            clock.advance(0.9)
            (reading,) = smu.measure_multiple()
            found.append(reading.voltage / reading.current)
        assert found == pytest.approx([100.0, 140.0, 185.0, 100.0], rel=1e-4)
    assert face.bench.drifts == []
    face.bench.drift("R1", 0.5)
    face.bench.set("R1", value=200.0)
    assert face.bench.drifts == [Drifting("R1", 0.5)]
    face.bench.drift("R1", 0.0)
    assert (face.bench.drifts, face.bench.parts["R1"]["value"]) == ([], 200.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda face: face.bench.disconnect("SMU1/0", after=-1.0),
        lambda face: face.bench.drift("R1", 0.1, lasting=0.0),
        lambda face: face.bench.drift("R1", math.inf),
        lambda face: face.bench.drift("R9", 0.1),
        lambda face: face.faults.fail_call("SMU1", code=-1, after=math.nan),
        lambda face: face.faults.stop_answering("SMU1", lasting=-1.0),
    ],
)
def test_impossible_times_are_refused_and_change_nothing(face, call):
    with pytest.raises((BenchError, ValueError)):
        call(face)
    assert (face.bench.open_connections, face.bench.drifts, face.faults.all) == ([], [], [])


def test_a_drift_under_a_capacitor_keeps_its_charge_in_small_steps(bench_file):
    bench, clock = made(
        bench_file,
        EXACT
        + wire("SMU1/0", "in")
        + wire("DMM1", "out")
        + part("R1", "resistor", "in", "out", value=1e3)
        + part("R2", "resistor", "out", "GND", value=1e3)
        + part("C1", "capacitor", "out", "GND", value=1e-6),
    )
    bench.drift("R2", 0.01)
    clock.advance(100.0)  # 2 kΩ; nobody has looked for 100 s
    at = clock.now()
    bench.timeline.advance(at)
    assert bench.measure("DMM1", at, at).voltage == pytest.approx(2.0 / 3.0, rel=2e-3)


def test_calls_fail_only_within_their_time(server, clock, open_dcpower):
    session = open_dcpower("SMU1/0")
    server.faults.fail_call("SMU1", code=-7, after=1.0, lasting=1.0)
    session.reset()
    clock.advance(1.5)
    with pytest.raises(nidcpower.errors.DriverError):
        session.reset()
    server.faults.fail_call("SMU1", code=-7, nth=2, lasting=1.0)
    session.reset()
    clock.advance(1.0)
    session.reset()
    assert server.faults.all == []


def test_a_silent_device_answers_again_at_the_end_of_its_time(server, clock, open_dcpower):
    session = open_dcpower("SMU1/0")
    begin = clock.now()
    server.faults.stop_answering("smu1", after=1.0, lasting=2.5)
    session.reset()
    assert clock.now() == begin
    clock.advance(1.5)
    session.reset()
    assert clock.now() == pytest.approx(begin + 3.5)


def test_the_bench_file_gives_every_fault_its_time(bench_file):
    text = (
        '[[fault]]\nkind = "open"\nchannel = "SMU1"\nafter = 1.0\nlasting = 2.0\n'
        '[[fault]]\nkind = "drift"\npart = "R1"\nrate = 0.1\nafter = 1.0\n'
        '[[fault]]\nkind = "fail-call"\ndevice = "SMU1"\ncode = -7\nlasting = 2.0\n'
        '[[fault]]\nkind = "stop-answering"\ndevice = "DMM1"\nafter = 3.0\n'
    )
    bench, _ = made(bench_file, BENCH + text)
    assert bench.open_connections == [Opening("SMU1/0", 1.0, 2.0)]
    assert bench.drifts == [Drifting("R1", 0.1, 1.0)]
    assert [(f.kind, f.after, f.lasting) for f in bench.faults.all] == [
        ("fail_call", 0.0, 2.0),
        ("stop_answering", 3.0, math.inf),
    ]
