"""A plug-in killed in mid-run: Cleanup still runs, and the next run is clean."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from chain import RUNS, Chain, Environments
from chain_sequences import TESTSTAND, changed_sequences
from environments import environment
from processes import RUN_VARIABLE


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    environments = Environments(*map(environment, ("server", "dcpower", "dmm", "station")))
    work = tmp_path / "work"
    work.mkdir()
    chain = Chain(environments, TESTSTAND, work, tmp_path / "results")
    try:
        chain.find_commands()
        chain.lay_out()
        chain.start_platform()
        chain.start_logger()
        yield chain
    finally:
        chain.close()


def test_cleanup_runs_and_the_next_run_is_clean(chain: Chain, tmp_path: Path) -> None:
    slow = changed_sequences(
        tmp_path / "slow",
        lambda text: text.replace(
            'name = "source_delay", type = "double", value = "0"',
            'name = "source_delay", type = "double", value = "50"',
        ),
    )
    run = subprocess.Popen(
        [
            str(environment("station") / "bin" / "platform-sim"),
            "run",
            f"--state-file={chain.platform_state}",
            "--json",
            str(slow / "MeasureAndLogFourSites.seq"),
        ],
        env=dict(chain.environment()),
        stdout=subprocess.PIPE,
        text=True,
    )
    plugin = wait_for_plugin(chain)

    plugin.kill()
    output, _ = run.communicate(timeout=40)

    steps = {step["step"]: step for step in json.loads(output)["steps"]}
    assert run.returncode == 1
    assert steps["Source and measure DC voltage"]["status"] == "Error"
    assert "Measure with the DMM" not in steps
    closing = {name: step["status"] for name, step in steps.items() if name.startswith("Close")}
    assert set(closing.values()) == {"Done"}, json.dumps(steps, indent=2)
    for name, sites in RUNS:
        chain.run_sequence(name, sites)
    chain.stop()
    chain.find_nothing_left()


def wait_for_plugin(chain: Chain) -> psutil.Process:
    """Return the process of the DC power plug-in, once its measurement is under way."""
    found: list[psutil.Process] = []

    def is_measuring() -> bool:
        log = "".join(path.read_text() for path in (chain.logs / "plugins").glob("*DCPower*"))
        found[:] = [
            process
            for process in psutil.process_iter()
            if process_is(process, chain.run_id, "dcpower_logger_plugin")
        ]
        return bool(found) and "GetMetadata responded" in log

    wait_for(is_measuring)
    return found[0]


def process_is(process: psutil.Process, run_id: str, module: str) -> bool:
    try:
        marked = process.environ().get(RUN_VARIABLE) == run_id
        return marked and module in process.cmdline()
    except psutil.Error:
        return False


def wait_for(condition: Any, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
