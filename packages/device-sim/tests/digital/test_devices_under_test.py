"""Devices under test behave on nets: they see edges, and drive their outputs after a delay."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from bench_text import channel, part
from device_sim import BenchError, DeviceControl, DeviceServer
from device_sim.bench import Bench
from device_sim.clock import ManualClock
from device_sim.drivers.nidigital.levels import DriveFormat, Edges
from device_sim.drivers.nidigital.results import HistorySettings
from device_sim.duts import SpiRegisters
from digital_bench import PERIOD, DigitalBench, pattern, pins
from exact_bench import EXACT

SPI = """
[[device]]
name = "U1"
class = "device_sim.duts:SpiRegisters"
pins = { cs = "cs", sclk = "sclk", mosi = "mosi", miso = "miso" }
options = { registers = { 0x00 = 0x81, 0x01 = 0x55, 0x02 = 0x0F }, status = 0x80, read_only = [2] }
"""
BUS = ("cs", "sclk", "mosi", "miso")
CLOCK = Edges(
    DriveFormat.RL,
    on=0.5 * PERIOD,
    data=0.5 * PERIOD,
    returns=PERIOD,
    off=PERIOD,
    strobe=0.75 * PERIOD,
)

INVERTERS = """
from device_sim.duts import DigitalDevice


class Inverter(DigitalDevice):
    inputs = ("a",)
    outputs = ("y",)

    def __init__(self, delay=20e-9, breaks_after=1000):
        self.delay = delay
        self.left = breaks_after

    def on_start(self):
        self.drive("y", True)

    def on_edge(self, pin, is_high, time):
        self.left -= 1
        if self.left < 0:
            raise ZeroDivisionError("worn out")
        self.drive("y", not is_high)


class Stranger:
    pass
"""


def device(name: str, options: str = "", a: str = "a", y: str = "y", **values: float) -> str:
    """Return the table of an inverter of a file beside the bench file."""
    lines = [f'name = "{name}"', 'class = "inverters:Inverter"']
    lines += [f'pins = {{ a = "{a}", y = "{y}" }}', f"options = {{ {options} }}"]
    lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(["[[device]]", *lines, ""])


@pytest.fixture
def made(bench_file, tmp_path):
    (tmp_path / "inverters.py").write_text(INVERTERS, encoding="utf-8")

    def make(content: str, count: int, **options) -> DigitalBench:
        return DigitalBench.load(bench_file(content + EXACT), count, **options)

    return make


@pytest.fixture
def spi(made):
    return made(pins(*BUS) + SPI, 4)


def frame(mosi: int, miso: int | None, bits: int = 16) -> list[str]:
    """Return the vectors of a frame that sends and expects so many bits; None for any."""
    outs = f"{mosi:0{bits}b}"
    ins = "X" * bits if miso is None else f"{miso:0{bits}b}".translate({48: "L", 49: "H"})
    return ["100X", "000X", *(f"01{o}{i}" for o, i in zip(outs, ins, strict=True)), "000X", "100X"]


def run(bench: DigitalBench, *frames: list[str], **options):
    rows = [row for each in frames for row in each]
    return bench.run(pattern(BUS, rows, **options), {1: CLOCK})


# The SPI register map.


def test_a_program_in_another_process_sets_a_register(bench_file):
    server = DeviceServer(bench_file(SPI), clock=ManualClock())
    try:
        with DeviceControl(f"127.0.0.1:{server.start()}") as control:
            control.bench.set("U1", **{"0x00": 0x42})
        assert server.bench.device("U1").registers[0] == 0x42
    finally:
        server.stop()


def test_a_pattern_that_reads_a_register_passes(spi):
    assert run(spi, frame(0x8000, 0x8081), frame(0x8100, 0x8055)).passed


def test_an_inverted_bit_fails_at_its_vector_and_pin(spi):
    spi.bench.device("U1").registers[0] ^= 0x04

    result = run(spi, frame(0x8000, 0x8081))

    assert result.fail_counts == {"cs": 0, "sclk": 0, "mosi": 0, "miso": 1}
    (failed,) = result.history(HistorySettings())
    assert failed.vector == 2 + 13  # two vectors before the bits, and bit 2 is the 14th of 16
    assert failed.passed.tolist() == [[True, True, True, False]]


def test_a_cut_wire_fails_at_each_bit_that_should_be_high(spi):
    spi.bench.disconnect("D1/3")

    result = run(spi, frame(0x8000, 0x8081))

    failed = [each.vector for each in result.history(HistorySettings())]
    assert failed == [2, 2 + 8, 2 + 15]
    assert result.fail_counts["miso"] == 3


def test_a_device_whose_own_wire_is_cut_answers_no_more(spi):
    spi.bench.disconnect("U1/sclk")

    result = run(spi, frame(0x8000, 0x8081))

    # Without a clock, the device goes on to show its first bit.
    assert next(each.vector for each in result.history(HistorySettings())) == 3


def test_what_a_frame_writes_another_one_reads(spi):
    result = run(spi, frame(0x01A7, 0x8000), frame(0x8100, 0x80A7), frame(0x02FF, None))

    assert result.passed
    assert spi.bench.device("U1").registers == {0: 0x81, 1: 0xA7, 2: 0x0F}


def test_a_longer_frame_reads_the_following_registers(spi):
    assert run(spi, frame(0x80000000, 0x8081550F, bits=32)).passed


def test_the_output_is_free_between_frames(made):
    bench = made(pins(*BUS) + SPI + part("R", "resistor", "miso", "GND", value=1e5), 4)

    result = run(bench, ["100L", *frame(0x8000, 0x8081), "100L"])

    assert result.passed


def test_thousands_of_vectors_change_the_circuit_only_around_frames(spi, monkeypatch):
    changes = []
    drive_all = Bench.drive_all
    monkeypatch.setattr(
        Bench, "drive_all", lambda self, *args: (changes.append(args), drive_all(self, *args))
    )

    result = run(spi, *[frame(0x8000, 0x8081)] * 100)

    assert result.passed
    assert len(changes) < 220  # the output begins and ceases to drive in each frame


def test_a_test_sets_registers_and_the_status_by_their_names(spi):
    spi.bench.set("U1", **{"0x00": 0x42, "status": 0x01})

    assert run(spi, frame(0x8000, 0x0142)).passed


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"0x09": 1}, "no register 0x9"),
        ({"0x00": 256}, "0x0 = 0x100 does not fit"),
        ({"0x00": 1.5}, "must be a whole number"),
        ({"speed": 1}, "address 'speed'"),
    ],
)
def test_values_that_do_not_fit_are_refused(spi, values, told):
    with pytest.raises(BenchError, match=told):
        spi.bench.set("U1", **values)


def test_a_device_without_values_says_so(made):
    bench = made(pins("a", "y") + device("U1"), 2)

    with pytest.raises(BenchError, match="no value 'speed'"):
        bench.bench.set("U1", speed=1.0)
    with pytest.raises(BenchError, match=r"no device 'U2'\. Its devices: U1"):
        bench.bench.device("U2")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"registers": {"x": 1}}, "address 'x'"),
        ({"registers": {200: 1}}, "0xc8 = 0x1 does not fit"),
        ({"registers": {1: 256}}, "0x1 = 0x100 does not fit"),
    ],
)
def test_registers_that_do_not_fit_are_refused(options, told):
    with pytest.raises(BenchError, match=told):
        SpiRegisters(**options)


# Classes of a user.


def test_a_class_beside_the_bench_file_is_a_device(made):
    bench = made(pins("a", "y") + device("U1"), 2)

    result = bench.run(pattern("ay", ["0H", "1L", "0H"]))

    assert result.passed
    times = [PERIOD + part for part in (19.9e-9, 20.1e-9)]
    assert bench.volts(1, times) == pytest.approx([3.3, 0.0], abs=1e-6)


def test_devices_in_a_chain_add_their_delays(made):
    content = device("U1", y="m") + device("U2", "delay = 30e-9", a="m")
    bench = made(pins("a", "y") + content, 2)

    bench.run(pattern("ay", ["0X", "1X", "0X"]))

    times = [PERIOD + part for part in (49.9e-9, 50.1e-9)]
    assert bench.volts(1, times) == pytest.approx([0.0, 3.3], abs=1e-6)


def test_a_device_has_voltages_of_its_own_even_the_other_way_round(made):
    bench = made(pins("a", "y") + device("U1", low=5.0, high=0.0), 2)

    bench.run(pattern("ay", ["0X", "1X"]))

    # 0 V is high for this device, so its output is low, which is 5 V. 3.3 V is no level of it.
    assert bench.volts(1, [0.5 * PERIOD]) == pytest.approx([5.0], abs=1e-5)


def test_a_slow_net_is_seen_where_it_crosses_the_threshold(made):
    content = part("R", "resistor", "in", "a", value=950.0)
    content += part("C", "capacitor", "a", "GND", value=0.1e-9, esr=1e-6)
    bench = made(pins("in", "y") + content + device("U1"), 2)

    bench.run(pattern("ay", ["0X", "1X", "1X"]))

    crossing = PERIOD + 0.1e-6 * np.log(1.0 / (1.0 - 0.7)) + 20e-9
    times = [crossing - 1e-10, crossing + 2e-9]
    assert bench.volts(1, times) == pytest.approx([3.3, 0.0], abs=1e-6)


def test_each_site_has_a_device_of_its_own(made):
    content = "sites = [0, 1]\n" + pins("a0", "y0", "a1", "y1")
    content += device("U{site}", a="a{site}", y="y{site}")
    bench = made(content, 2, sites=(0, 1))
    bench.bench.disconnect("U1/a")

    burst = bench.begin(pattern("ay", ["0H", "1L"]))
    bench.finish(burst)

    assert {site: result.passed for site, result in burst.results.items()} == {0: True, 1: False}


def test_an_oscillating_ring_does_not_stop_time(made):
    bench = made(pins("ring") + device("U1", a="ring", y="ring"), 1)

    bench.clock.advance(10e-6)
    bench.bench.read_nets()

    times = np.arange(1, 400) * 20e-9 + 5e-9
    volts = bench.volts(0, times)
    assert min(volts) < 0.1 and max(volts) > 3.2


def test_a_class_that_fails_is_told_to_who_measures_and_stops_nothing_else(made, caplog):
    bench = made(pins("a", "y") + device("U1", "breaks_after = 2"), 2)

    burst = bench.begin(pattern("ay", ["0H", "1L"] * 3))
    bench.clock.advance(burst.end)
    with caplog.at_level(logging.ERROR):
        bench.bench.timeline.advance(bench.clock.now())

    with pytest.raises(BenchError, match="device U1: ZeroDivisionError: worn out"):
        burst.check()
    with pytest.raises(BenchError, match="worn out"):
        bench.bench.device("U1")
    assert "U1" in caplog.text
    assert bench.bench.read_nets("a", "y")["y"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"class": "nowhere:Inverter"},
            "line 1: The module 'nowhere' of a device cannot be loaded",
        ),
        ({"class": "inverters:Nothing"}, "has no class 'Nothing'"),
        ({"class": "inverters:Stranger"}, "derived from device_sim.duts.DigitalDevice"),
        ({"class": "Inverter"}, "class must be a class such as 'module:Class'"),
        ({"pins": '{ a = "a" }'}, "the net of each pin of inverters:Inverter, which are a, y"),
        ({"pins": '{ a = "a", y = "y", z = "z" }'}, "which are a, y"),
        ({"options": "{ speed = 1 }"}, "refuses its options: .*speed"),
        ({"low": "3.3"}, "low and high must differ"),
        ({"name": '"U/1"'}, "name must be a name without '/'"),
    ],
)
def test_impossible_devices_are_refused_with_their_line(bench_file, made, change, told):
    table = {
        "name": '"U1"',
        "class": "inverters:Inverter",
        "pins": '{ a = "a", y = "y" }',
        **change,
    }
    table["class"] = f'"{table["class"]}"'
    content = "\n".join(["[[device]]", *(f"{key} = {value}" for key, value in table.items()), ""])

    with pytest.raises(BenchError, match=told):
        Bench.load(bench_file(content), ManualClock())


def test_two_devices_with_one_name_are_refused(bench_file, made):
    with pytest.raises(BenchError, match="U1 is defined twice"):
        Bench.load(bench_file(device("U1") + device("U1", a="b", y="z")), ManualClock())


def test_relays_wired_terminals_and_devices_stand_side_by_side(made):
    content = device("U1") + channel("SCOPE1/PFI0", "y")
    content += part("K1", "relay", "a", "load") + 'coil = "y"\n'
    content += part("R", "resistor", "load", "GND", value=1e3)
    bench = made(pins("a", "y") + content, 2)

    bench.clock.advance(1.0)
    assert bench.bench.read_nets("y")["y"] > 2.0
    assert bench.run(pattern("ay", ["1L", "0H"])).passed
