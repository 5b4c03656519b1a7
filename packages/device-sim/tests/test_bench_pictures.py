"""A picture of a bench shows each net, part and channel once."""

from __future__ import annotations

import math
from collections import Counter
from xml.etree import ElementTree

import pytest
from bench_text import channel, part
from click.testing import CliRunner
from device_sim.bench import Bench
from device_sim.bench.drawing import in_engineering_notation
from device_sim.bench.parts import SHAPES
from device_sim.cli import main
from device_sim.clock import ManualClock

SOURCES = {
    "source": {"voltage": 5.0, "resistance": 50.0},
    "noise": {"amplitude": 1.0, "rate": 1e6, "resistance": 50.0},
    **{
        kind: {"amplitude": 1.0, "frequency": 1e3, "resistance": 50.0}
        for kind in SHAPES
        if kind != "noise"
    },
}
PARTS = {
    "resistor": {"value": 4700.0},
    "open": {},
    "short": {},
    "capacitor": {"value": 2.2e-9},
    "inductor": {"value": 1e-3},
    "diode": {},
    **SOURCES,
}
BENCH = (
    '[instruments.SCOPE1]\nmodel = "5164"\n'
    + channel("SCOPE1/0", "out")
    + channel("DMM1/0", "in", "out")
    + channel("SMU1/0", "alone", "alone")
    + "".join(part(f"P-{kind}", kind, "in", "out", **how) for kind, how in PARTS.items())
    + part("P-relay", "relay", "in", "out")
    + 'coil = "in"\ncoil_lo = "out"\n'
    + part("R & <b>", "resistor", "out", "GND", value=math.inf)
)


def texts(svg: str) -> Counter[str]:
    root = ElementTree.fromstring(svg)
    return Counter(each.text.strip() for each in root.iter() if each.text and each.text.strip())


def test_each_net_part_and_channel_is_there_once(bench_file):
    found = texts(Bench.load(bench_file(BENCH), ManualClock()).picture())
    wanted = ["in", "out", "alone", "GND", "SCOPE1/0", "5164", "DMM1/0", "SMU1/0", "R & <b>"]
    wanted += [f"P-{kind}" for kind in (*PARTS, "relay", "relay coil")]
    assert {name: found[name] for name in wanted} == dict.fromkeys(wanted, 1)
    assert {"4.7 kΩ", "2.2 nF", "1 mH", "5 V", "1 kHz"} <= found.keys()


def test_a_relay_is_drawn_as_its_contact_is_now(bench_file):
    clock = ManualClock()
    relay = part("K1", "relay", "in", "out") + 'coil = "enable"\n'
    bench = Bench.load(bench_file(relay), clock)
    opened = bench.picture()
    with bench.net_driver("test") as lines:
        lines.drive({"enable": 3.3})
        clock.advance(1.0)
        closed = bench.picture()
    clock.advance(1.0)
    assert closed != opened
    assert bench.picture() == opened


def test_the_command_writes_an_svg_file(bench_file, tmp_path):
    picture = tmp_path / "bench.svg"
    result = CliRunner().invoke(main, ["bench", "draw", str(bench_file(BENCH)), str(picture)])
    assert result.exit_code == 0, result.output
    assert "is written" in result.output
    assert texts(picture.read_text(encoding="utf-8"))["SCOPE1/0"] == 1


def test_a_wrong_bench_file_is_not_drawn(bench_file, tmp_path):
    wrong = bench_file(BENCH.replace("4700.0", "-1.0"))
    result = CliRunner().invoke(main, ["bench", "draw", str(wrong), str(tmp_path / "x.svg")])
    assert result.exit_code == 1
    number = BENCH.splitlines().index('name = "P-resistor"')
    assert f"line {number}: Part P-resistor" in result.output
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 "),
        (999.0, "999 "),
        (1000.0, "1 k"),
        (4.7e-9, "4.7 n"),
        (-0.25, "-250 m"),
        (math.inf, "inf "),
        (1e-15, "0.001 p"),
    ],
)
def test_values_have_the_prefix_of_their_unit(value, text):
    assert in_engineering_notation(value) == text
