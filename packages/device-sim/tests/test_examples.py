"""The benches of docs/benches.md give the curves that theory says."""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pytest
from device_sim import DeviceServer

EXAMPLES = Path(__file__).parents[1] / "examples"
THERMAL = 1.380649e-23 * 298.15 / 1.602176634e-19


@pytest.fixture
def bench(request) -> Path:
    return EXAMPLES / f"{request.param}.toml"


@pytest.fixture
def curves(request, bench, channel):
    path = bench.with_suffix(".py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.measure(channel)


@pytest.fixture
def server(bench, clock):
    server = DeviceServer(bench, clock=clock, file_roots=[EXAMPLES])
    yield server
    server.stop()


def example(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", [name], indirect=True, ids=[name])


def test_every_example_has_a_bench_and_a_test():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {path.stem for path in EXAMPLES.glob("*.toml")}
    tested = re.findall(r'^@example\("(\w+)"\)', Path(__file__).read_text("utf-8"), re.MULTILINE)
    assert names == set(tested)


@example("low_pass_step")
def test_a_step_settles_with_the_time_constant(curves):
    milliseconds, volts = curves["out"]
    after = milliseconds > 0.0
    settled = -3.0 * np.expm1(-milliseconds[after])
    assert volts[after] == pytest.approx(settled, abs=0.02)
    assert volts[~after] == pytest.approx(0.0, abs=0.02)
    assert curves["in"][1][after] == pytest.approx(3.0, abs=0.02)


@example("rectifier")
def test_a_rectifier_charges_its_capacitor_at_the_peaks(curves):
    milliseconds, load = curves["load"]
    transformer = curves["transformer"][1]
    late = milliseconds > 40.0
    peak = 9.0 * math.sqrt(2.0)
    assert transformer.min() == pytest.approx(-peak, rel=0.01)
    assert peak - 3.0 < load[late].max() < peak - 0.5  # the diode and the resistance of the source
    ripple = np.ptp(load[late])
    assert ripple == pytest.approx(load[late].mean() / 470.0 / 100e-6 / 50.0, rel=0.25)
    spectrum = abs(np.fft.rfft(load[late][:4000] - load[late][:4000].mean()))
    assert int(np.argmax(spectrum)) == 2  # 50 Hz, in 40 ms


@example("resistor_array")
def test_each_resistor_is_measured_except_that_of_the_relay_that_sticks(curves, server):
    numbers, ohms = curves["measured"]
    for number, measured in zip(numbers, ohms, strict=True):
        if number == 7:
            assert math.isnan(measured)
        else:
            nominal = server.bench.parts[f"R{number}"]["value"]
            assert measured == pytest.approx(nominal + 0.05, rel=1e-3, abs=20.0), number


@example("diode_curve")
def test_a_diode_has_the_curve_of_shockley(curves):
    volts, amperes = curves["diode"]
    strong = amperes > 1e-5
    assert strong.sum() > 15
    expected = THERMAL * np.log1p(amperes[strong] / 1e-12)
    assert volts[strong] == pytest.approx(expected, abs=2e-3)


@example("low_pass_sweep")
def test_a_low_pass_has_the_gain_of_theory(curves):
    hertz, gains = curves["low-pass"]
    expected = 1.0 / np.sqrt(1.0 + (2.0 * math.pi * hertz * 50.0 * 1e-7) ** 2)
    assert gains == pytest.approx(expected, rel=0.02)


@example("spi_register")
def test_a_register_answers_bit_by_bit_after_the_falling_edges_of_its_clock(curves):
    microseconds, clock = curves["clock + 4 V"]
    answer = curves["answer"][1]
    # The first rising edge is at 0 µs. In the middle of each bit's second half the answer is there.
    bits = [answer[np.argmin(abs(microseconds - number - 0.25))] > 1.65 for number in range(16)]
    assert [int(bit) for bit in bits] == [int(bit) for bit in f"{0x8081:016b}"]
    edges = np.flatnonzero((clock[1:] > 5.65) & (clock[:-1] <= 5.65))
    assert microseconds[edges + 1] == pytest.approx(np.arange(16), abs=0.01)


@example("daq_low_pass")
def test_a_multifunction_device_records_the_exponentials_of_its_own_square(curves):
    milliseconds, after = curves["out"]
    expected, volts = [], 0.0
    for level in (3.0, -1.0, 3.0, -1.0, 3.0):  # 2 ms each, with a time constant of 1 ms
        expected.append(level + (volts - level) * np.exp(-milliseconds[:200]))
        volts = level + (volts - level) * math.exp(-2.0)
    assert after == pytest.approx(np.concatenate(expected), abs=0.01)
    assert set(np.rint(curves["in"][1][1:])) == {3.0, -1.0}
