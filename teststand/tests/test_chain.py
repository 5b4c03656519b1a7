"""The end-to-end program: its output after a success, and after each kind of failure."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from capabilities import needs_shell, needs_signals
from chain import Chain
from chain_sequences import TESTSTAND, changed_sequences
from environments import environment
from running_chain import run_step
from runs import RUNS
from stopping_processes import OWN_CONSOLE, stop_process

PROGRAM = TESTSTAND / "e2e" / "run_chain.py"
MARK = "CHAIN_TEST"
"""Environment variable by which a test finds every process that its run started."""

PATIENCE = 400.0
"""Seconds within which a run ends, on a busy machine, too."""

pytestmark = pytest.mark.timeout(3 * PATIENCE)

NAMES = ("server", "dcpower", "dmm", "devices", "station")


def command(results: Path, *options: str, **environments: Path) -> list[str]:
    paths = {name: environments.get(name, environment(name)) for name in NAMES}
    return [
        sys.executable,
        str(PROGRAM),
        f"--results={results}",
        *(f"--{name}-env={path}" for name, path in paths.items()),
        *options,
    ]


def run(results: Path, *options: str, **environments: Path) -> tuple[int, str]:
    done = subprocess.run(
        command(results, *options, **environments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, MARK: str(results)},
    )
    assert survivors(results) == [], done.stdout
    return done.returncode, done.stdout


def survivors(results: Path) -> list[str]:
    """Return the processes that still run of a run with this results folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(results):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def fake_environment(folder: Path, name: str, script: str) -> Path:
    """Make an environment whose command is a shell script."""
    path = folder / "fake" / "bin" / name
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path.parent.parent


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """Results folder, exit code and output of a run of all sequences."""
    results = tmp_path_factory.mktemp("results")
    return results, *run(results)


def test_the_summary_lists_all_steps_values_and_records(finished: tuple[Path, int, str]) -> None:
    results, code, output = finished

    assert code == 0, output
    assert output.count("6 V, 0.0001 A, in compliance: False") == 5
    assert output.count("resolution 5e-05 V") == 5
    assert output.count("one session for both plug-ins") == 3
    logs = {path.name for path in (results / "logs").rglob("*.log")}
    assert {"platform.log", "json-logger.log", "run-MeasureAndLogOneSite.log"} <= logs
    assert len(list(results.glob("*.xml"))) == 3


def test_the_values_of_the_bench_are_shown_site_by_site(finished: tuple[Path, int, str]) -> None:
    _, _, output = finished
    _, _, bench = output.partition("MeasureAndLogBench.seq: measured")

    for site, ohms in enumerate(("1", "2", None, "4")):
        smu = f"[0-9.]+ V, [0-9.]+ A: {ohms}[0-9.]+ Ohm" if ohms else ".* A: open"
        assert re.search(f"site {site}  DCPowerPin +{smu}", bench), output
        dmm = "[0-9.]+ Ohm" if ohms else "out of range: open"
        assert re.search(f"site {site}  DMMPin +{dmm}", bench), output


def test_it_can_run_again_into_the_same_results_and_beside_a_running_platform(
    finished: tuple[Path, int, str], chain: Chain
) -> None:
    results, _, _ = finished
    before = (results / "data" / "measurements.ndjson").read_text().splitlines()

    code, output = run(results)

    assert code == 0, output
    lines = (results / "data" / "measurements.ndjson").read_text().splitlines()
    assert lines[: len(before)] == before
    assert len(lines) == len(before) + 2 + 5 + 5
    chain.run_sequence(RUNS[0])


@needs_shell
def test_a_server_that_does_not_start_is_named_with_its_last_output(tmp_path: Path) -> None:
    server = fake_environment(
        tmp_path, "json-logger", '[ "$1" = install ] && exit 0\necho "no room on this disk"\nexit 3'
    )

    code, output = run(tmp_path / "results", server=server)

    assert code == 1, output
    assert "FAILED: start the logger: json-logger ended with code 3" in output
    assert "  | no room on this disk" in output


@needs_shell
def test_a_plugin_that_ends_at_its_start_is_named_with_its_last_output(tmp_path: Path) -> None:
    real = environment("dcpower") / "bin" / "dcpower-logger-plugin"
    plugin = fake_environment(
        tmp_path,
        "dcpower-logger-plugin",
        f'"{real}" "$@" && printf "#!/bin/sh\\necho no driver here\\nexit 4\\n" > "$2/start.sh"',
    )

    code, output = run(tmp_path / "results", dcpower=plugin)

    assert code == 1, output
    assert "FAILED: run MeasureAndLogOneSite.seq: Source and measure DC voltage: Error" in output
    assert "no driver here" in output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda text: text.replace(
                'name = "voltage_level", type = "double", value = "6"',
                'name = "voltage_level", type = "double", value = "1000"',
            ),
            "Source and measure DC voltage: Error: .*voltage_level.*last lines of .*DCPower.*log",
            id="a measurement that fails",
        ),
        pytest.param(
            lambda text: text.replace(
                'name = "voltage_level", type = "double", value = "6"',
                'name = "voltage_level", type = "double", value = "5"',
            ),
            "Source and measure DC voltage: site 0: volts: 5.0, but 6.0 was expected",
            id="a wrong value",
        ),
        pytest.param(
            lambda text: text.replace("low = 5.99,", "low = 6.005,"),
            "Source and measure DC voltage: Failed: voltage_measurements at site 0, DCPowerPin: "
            "6.0 is not within 6.005 to 6.01",
            id="a value outside its limits",
        ),
        pytest.param(
            lambda text: text.replace(
                'name = "Measure with the DMM"', 'name = "Measure with the DMM"\nmode = "Skip"'
            ),
            "Measure with the DMM: Skipped",
            id="a missing measurement",
        ),
        pytest.param(
            lambda text: text.replace(
                'name = "Open the log"', 'name = "Open the log"\nmode = "ForcePass"'
            ),
            "the code module should have opened one new session",
            id="several sessions where one was expected",
        ),
        pytest.param(
            lambda text: text.replace("create_nidmm_sessions", "create_nidm_sessions"),
            "Open the DMM: Error: AttributeError",
            id="a wrong code module",
        ),
    ],
)
def test_any_fault_is_found_and_its_step_is_named(
    chain: Chain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str],
    message: str,
) -> None:
    sequences = changed_sequences(tmp_path / "sequences", change)
    monkeypatch.setattr(chain, "station", sequences)

    code = run_step(chain, "MeasureAndLogOneSite.seq")

    output = capsys.readouterr().out
    assert code == 1, output
    failure = f"FAILED: run MeasureAndLogOneSite.seq: {message}"
    assert re.search(failure, output, re.DOTALL), output
    assert "last lines of" in output


def test_missing_records_are_found(
    chain: Chain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sequences = tmp_path / "sequences"
    shutil.copytree(chain.station, sequences)
    pin_map = sequences / "pinmaps" / "OneSite.pinmap"
    pin_map.write_text(pin_map.read_text().replace("measurements.ndjson", "elsewhere.ndjson"))

    monkeypatch.setattr(chain, "station", sequences)

    code = run_step(chain, "MeasureAndLogOneSite.seq")

    output = capsys.readouterr().out
    assert code == 1, output
    assert "(0, 0, 0) records of SMU, DMM and in all, but (1, 1, 2) were expected" in output


def test_a_missing_command_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path / "results", dmm=tmp_path)

    assert code == 1
    assert "the command dmm-logger-plugin is missing" in output


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=needs_signals)]
)
def test_an_interrupt_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        command(tmp_path), stdout=subprocess.PIPE, text=True, **OWN_CONSOLE
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("run "):
            assert process.poll() is None
        started = psutil.Process(process.pid).children(recursive=True)
        assert started
        stop_process(process.pid, number)
        output = process.stdout.read()

    assert process.returncode == 130, output
    assert "interrupted: run MeasureAndLogOneSite.seq" in output
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []
