"""A process is killed during a run: open sessions are closed, and the next run succeeds."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
from chain import Chain
from chain_sequences import changed_sequences
from running_chain import (
    slow_sequences,
    start_run,
    wait_for,
    wait_for_measuring_plugin,
)
from runs import RUNS

WAITING_STEP = """[[main]]
name = "Wait"
module = 'code_modules\\waiting_step.py'
function = "wait"

[[main]]"""
WAITING_MODULE = """
import time
from pathlib import Path

def wait():
    Path("{go}.waiting").touch()
    while not Path("{go}").exists():
        time.sleep(0.02)
"""


def test_cleanup_runs_after_a_plugin_was_killed_and_the_next_run_succeeds(
    chain: Chain, tmp_path: Path
) -> None:
    run = start_run(chain, slow_sequences(tmp_path / "slow") / "MeasureAndLogFourSites.seq")
    wait_for_measuring_plugin(chain).kill()

    output, _ = run.communicate(timeout=120)

    steps = {step["step"]: step for step in json.loads(output)["steps"]}
    assert run.returncode == 1
    assert steps["Source and measure DC voltage"]["status"] == "Error"
    assert "Measure with the DMM" not in steps
    closing = {name: step["status"] for name, step in steps.items() if name.startswith("Close")}
    assert set(closing.values()) == {"Done"}, json.dumps(steps, indent=2)
    run_both_sequences(chain)


def test_a_run_that_was_killed_does_not_block_the_next_one(chain: Chain, tmp_path: Path) -> None:
    killed = start_run(chain, slow_sequences(tmp_path / "slow") / "MeasureAndLogOneSite.seq")
    wait_for_measuring_plugin(chain)
    interpreters = psutil.Process(killed.pid).children()
    killed.kill()
    killed.communicate()
    wait_for(lambda: not any(process.is_running() for process in interpreters))

    run = start_run(chain, chain.station / "MeasureAndLogOneSite.seq")
    output, errors = run.communicate(timeout=120)

    assert run.returncode == 0, output + errors
    assert "(taken over from a crashed run)" in errors
    run_both_sequences(chain)


def test_a_running_sequence_is_not_treated_as_a_crashed_one(chain: Chain, tmp_path: Path) -> None:
    go = tmp_path / "go"
    waiting = changed_sequences(
        tmp_path / "waiting", lambda text: text.replace("[[main]]", WAITING_STEP, 1)
    )
    module = WAITING_MODULE.format(go=go.as_posix())
    (waiting / "code_modules" / "waiting_step.py").write_text(module)
    alive = start_run(chain, waiting / "MeasureAndLogOneSite.seq")
    wait_for((tmp_path / "go.waiting").exists)

    second = start_run(chain, chain.station / "MeasureAndLogOneSite.seq")
    output, _ = second.communicate(timeout=120)
    go.touch()
    alive_output, alive_errors = alive.communicate(timeout=120)

    failed = next(step for step in json.loads(output)["steps"] if step["status"] == "Error")
    assert failed["step"] == "Open the log"
    assert "already has a session: opened by" in failed["message"]
    assert second.returncode == 1
    assert alive.returncode == 0, alive_output + alive_errors
    run_both_sequences(chain)


def run_both_sequences(chain: Chain) -> None:
    """Run the sequences that use the same instruments; the bench uses others."""
    for run in RUNS[:2]:
        chain.run_sequence(run)
