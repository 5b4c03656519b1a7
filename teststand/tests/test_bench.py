"""The four-site bench: a part that is not the one expected is found on its site."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from chain import BENCH_FILE, Chain
from chain_sequences import TESTSTAND, changed_sequences
from device_sim import DeviceControl
from device_sim.bench.netlist import load_netlist
from running_chain import run_step, running_chain, start_run

RUN = "MeasureAndLogBench.seq"
SMU = "Source and measure DC voltage"
DMM = "Measure with the DMM"


def test_a_wrong_resistor_in_the_bench_file_is_found_on_its_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sequences = tmp_path / "sequences"
    shutil.copytree(TESTSTAND, sequences, ignore=shutil.ignore_patterns("tests", "e2e", ".*"))
    bench = sequences / BENCH_FILE
    bench.write_text(bench.read_text().replace("4700.0", "4750.0"))

    with running_chain(tmp_path, sequences) as chain:
        code = run_step(chain, RUN)

    output = capsys.readouterr().out
    assert code == 1, output
    assert f"FAILED: run {RUN}: {SMU}: site 3: ohms: 474" in output
    assert "but 4700 was expected" in output


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(
            lambda control: control.bench.set("Contact2", value=0.0),
            f"{SMU}: site 2: ohms: 329",
            id="a closed contact where an open one was expected",
        ),
        pytest.param(
            lambda control: control.bench.set("Contact0", value=float("inf")),
            f"{SMU}: site 0: ohms: over",
            id="an open contact",
        ),
        pytest.param(
            lambda control: control.faults.over_range("BenchDMM1"),
            f"{DMM}: site 1: ohms: over 1e+04, but the SMU says 219",
            id="a DMM that disagrees with the SMU",
        ),
        pytest.param(
            lambda control: control.bench.set("Resistor3", value=0.0),
            f"{SMU}: site 3: volts",
            id="a short, which holds the voltage down",
        ),
    ],
)
def test_a_fault_is_found_on_its_site(
    chain: Chain,
    capsys: pytest.CaptureFixture[str],
    fault: Callable[[DeviceControl], None],
    message: str,
) -> None:
    state = json.loads(chain.platform_state.read_text(encoding="utf-8"))
    with DeviceControl(state["device_server_address"]) as control:
        before = control.bench.parts
        fault(control)
        try:
            code = run_step(chain, RUN)
        finally:
            control.faults.clear()
            for name, values in before.items():
                control.bench.set(name, **values)

    output = capsys.readouterr().out
    assert code == 1, output
    assert f"FAILED: run {RUN}: {message}" in output


def test_instruments_of_the_other_pin_maps_are_not_on_the_bench() -> None:
    netlist = load_netlist(TESTSTAND / BENCH_FILE)

    wired = {channel.partition("/")[0] for channel in netlist.connections}

    assert wired == {"benchsmu", *(f"benchdmm{site}" for site in range(4))}


def test_the_smu_measures_that_the_relay_is_open_when_the_gpio_line_is_low(
    chain: Chain, tmp_path: Path
) -> None:
    low = changed_sequences(tmp_path, lambda text: text.replace('state = "1"', 'state = "0"'))

    output, errors = start_run(chain, low / RUN).communicate(timeout=120)

    steps = {step["step"]: step for step in json.loads(output)["steps"]}
    assert steps["Close the relay"]["status"] == "Done", errors
    currents = steps[SMU]["measurements"][0]["outputs"]["current_measurements"]
    assert len(currents) == 4
    assert all(abs(amperes) < 10e-6 for amperes in currents), currents
