"""The contact of a relay follows its coil, at exact times, whoever looks and however seldom."""

from __future__ import annotations

import math

import pytest
from bench_text import channel as wire
from bench_text import part
from device_sim import BenchError
from device_sim.bench import Bench, Output, Sine
from device_sim.clock import ManualClock
from device_sim.v1 import bench_pb2 as pb
from device_sim.v1 import bench_pb2_grpc
from exact_bench import EXACT, measure, source_volts


def relay(name: str, a: str, b: str, coil: str, **values: float) -> str:
    """Return the table of a relay."""
    return part(name, "relay", a, b, **values) + f'coil = "{coil}"\n'


BENCH = (
    EXACT
    + wire("SMU1/0", "smu")
    + relay("K1", "smu", "load", "enable")
    + part("R1", "resistor", "load", "GND", value=100.0)
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


def made(bench_file, content: str) -> tuple[Bench, ManualClock]:
    clock = ManualClock()
    return Bench.load(bench_file(content), clock), clock


def test_a_driven_line_closes_the_contact_that_an_smu_measures(
    server, clock, channel, open_dcpower
):
    smu = open_dcpower("SMU1/0")
    stub = bench_pb2_grpc.BenchStub(channel)

    def is_closed():
        found = {each.name: each for each in stub.ListParts(pb.ListPartsRequest()).parts}
        assert not found["R1"].HasField("is_closed")
        assert (found["K1"].kind, found["K1"].coil, found["K1"].coil_lo) == (
            "relay",
            "enable",
            "GND",
        )
        return found["K1"].is_closed

    with source_volts(smu, 1.0), server.bench.net_driver("GPIO1") as lines:
        assert measure(smu).current == pytest.approx(0.0, abs=1e-12)
        assert not is_closed()
        lines.drive({"enable": 3.3})
        clock.advance(0.9e-3)
        assert not is_closed()
        clock.advance(0.2e-3)
        assert is_closed()
        assert measure(smu).current == pytest.approx(1.0 / 100.05, rel=1e-9)
        lines.drive({"enable": 1.4})  # between the two thresholds
        clock.advance(0.1)
        assert is_closed()
        lines.release("enable")
        clock.advance(2e-3)
        assert measure(smu).current == pytest.approx(0.0, abs=1e-12)


def test_a_pulse_shorter_than_the_travel_moves_nothing(server, clock):
    with server.bench.net_driver("GPIO1") as lines:
        lines.drive({"enable": 3.3})
        clock.advance(0.5e-3)
        lines.drive({"enable": 0.0})
        for _ in range(5):
            clock.advance(0.4e-3)
            assert [closed for _, closed in server.bench.list_parts()] == [False, None]


SLOW_COIL = (
    EXACT
    + wire("SMU1/0", "in")
    + wire("SMU1/1", "out")
    + part("R1", "resistor", "in", "coil", value=100.0)
    + part("C1", "capacitor", "coil", "GND", value=1e-5, esr=1e-9)
    + relay("K1", "out", "GND", "coil", pull_in=3.0, coil_resistance=100.0, travel=1e-3)
)


@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_the_coil_of_an_rc_pulls_at_its_closed_form(bench_file, steps):
    bench, clock = made(bench_file, SLOW_COIL)
    bench.drive("SMU1/0", Output("voltage", 10.0, -1.0, 1.0), 0.0)
    bench.drive("SMU1/1", Output("current", 0.1, -5.0, 5.0), 0.0)
    for _ in range(steps):
        clock.advance(0.01 / steps)
        bench.timeline.advance(clock.now())
    # 10 V over 50 Ω from two resistors of 100 Ω: 5 V with 0.5 ms.
    closes = -50.0 * 1e-5 * math.log(1.0 - 3.0 / 5.0) + 1e-3
    before = bench.measure("SMU1/1", closes - 1e-6, closes - 1e-8)
    after = bench.measure("SMU1/1", closes + 1e-8, closes + 1e-6)
    assert (before.voltage, before.limited) == (5.0, True)
    assert (after.voltage, after.limited) == (pytest.approx(0.1 * 0.05), False)


def test_a_wave_moves_the_contact_in_each_of_its_cycles(bench_file):
    bench, clock = made(
        bench_file,
        EXACT
        + wire("FGEN1/0", "coil")
        + wire("SMU1/0", "out")
        + relay("K1", "out", "GND", "coil", travel=1e-3),
    )
    wave = Sine(10.0, 5.0 / math.sqrt(2.0), -90.0)  # 5 V · sin(2π · 10 Hz · t)
    bench.drive("FGEN1/0", Output("voltage", 0.0, -1.0, 1.0, 0.0, wave), 0.0)
    bench.drive("SMU1/0", Output("current", 0.1, -5.0, 5.0), 0.0)
    clock.advance(1.0)
    bench.timeline.advance(clock.now())
    pull_in = math.asin(2.0 / 5.0) / (20.0 * math.pi) + 1e-3
    drop_out = 0.05 - math.asin(0.8 / 5.0) / (20.0 * math.pi) + 1e-3
    wanted = [number * 0.1 + at for number in range(10) for at in (pull_in, drop_out)]
    assert bench.changes("SMU1/0", 1e-6, 1.0) == pytest.approx(wanted, abs=2e-9)


def test_a_relay_that_opens_its_own_coil_buzzes(bench_file):
    bench, clock = made(
        bench_file,
        EXACT
        + wire("SMU1/0", "supply")
        + wire("SMU1/1", "out")
        + part("R1", "resistor", "supply", "coil", value=100.0)
        + relay("K1", "coil", "GND", "coil"),
    )
    bench.drive("SMU1/0", Output("voltage", 5.0, -1.0, 1.0), 0.0)
    clock.advance(0.0105)
    bench.timeline.advance(clock.now())
    wanted = [number * 1e-3 for number in range(1, 11)]
    assert bench.changes("SMU1/0", 1e-6, 1.0) == pytest.approx(wanted, abs=1e-9)


def test_a_relay_is_set_and_drawn_like_other_parts(bench_file):
    bench, clock = made(bench_file, BENCH)
    bench.set("K1", pull_in=1.0, drop_out=0.5, resistance=1.0)
    lines = bench.net_driver("GPIO1")
    lines.drive({"enable": 1.5}, resistance=1.0)
    clock.advance(2e-3)
    assert bench.list_parts()[0][1]
    bench.drive("SMU1/0", Output("voltage", 1.01, -1.0, 1.0), clock.now())
    now = clock.now()
    assert bench.measure("SMU1/0", now, now).current == pytest.approx(0.01)
    assert "K1 coil" in bench.picture()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("pull_in = 0.5", "drop_out must be below pull_in, but is 0.8 against 0.5"),
        ("travel = 0.0", "travel must be at least 1e-06 s, not 0.0"),
        ("coil_resistance = 0.0", "coil_resistance must be above 0"),
        ("resistance = -1.0", "resistance must be above 0"),
        ("coil_lo = 3", "coil_lo must be text"),
    ],
)
def test_impossible_relays_are_refused_with_their_line(bench_file, values, told):
    content = BENCH.replace('coil = "enable"\n', f'coil = "enable"\n{values}\n')
    with pytest.raises(BenchError, match=f"line 10: .*{told}"):
        made(bench_file, content)


def test_a_relay_needs_a_coil_and_other_parts_have_none(bench_file):
    with pytest.raises(BenchError, match="relay K1 needs the key 'coil'"):
        made(bench_file, BENCH.replace('coil = "enable"\n', ""))
    with pytest.raises(BenchError, match="has no value 'coil'"):
        made(bench_file, BENCH + 'coil = "enable"\n')


def test_several_relays_follow_their_coils_side_by_side_and_in_a_chain(bench_file):
    bench, clock = made(
        bench_file,
        EXACT
        + relay("K1", "supply", "second", "first")
        + relay("K2", "supply", "third", "second")
        + relay("K3", "supply", "load", "third")
        + relay("K4", "supply", "other", "fourth")
        + part("V1", "source", "supply", "GND", voltage=5.0, resistance=0.1)
        + "".join(
            part(f"R{net}", "resistor", net, "GND", value=1000.0) for net in ("load", "other")
        ),
    )
    with bench.net_driver("GPIO1") as lines:
        clock.advance(60.0)
        lines.drive({"first": 3.3})
        clock.advance(60.0)
        assert bench.read_nets("load")["load"] == pytest.approx(5.0, rel=1e-2)
        assert bench.read_nets("other") == {"other": 0.0}
        lines.drive({"first": 0.0, "fourth": 3.3})
        clock.advance(2.5e-3)  # K1 and K2 have opened after 1 ms each; K3 opens after one more
        assert bench.read_nets("load")["load"] == pytest.approx(5.0, rel=1e-2)
        assert bench.read_nets("other")["other"] == pytest.approx(5.0, rel=1e-2)
        clock.advance(1.0e-3)
        assert bench.read_nets("load")["load"] == pytest.approx(0.0, abs=1e-6)
