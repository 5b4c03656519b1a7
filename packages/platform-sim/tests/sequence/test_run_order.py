"""The order of Setup, Main and Cleanup, also after errors."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from stopping_processes import OWN_CONSOLE, press_ctrl_c

if TYPE_CHECKING:
    from conftest import Bench

RUN = "from platform_sim.cli import main; main()"

OPEN_MEASURE_CLOSE = """
locals = { Seen = "" }
[[cleanup]]
name = "close"
module = "recorder.py"
function = "seen"
result = "Locals.Seen"
[[main]]
name = "measure"
module = "recorder.py"
function = "note"
arguments = { name = '"measure"' }
[[setup]]
name = "open"
module = "recorder.py"
function = "note"
arguments = { name = '"open"' }
"""


def test_setup_main_and_cleanup_run_in_this_order_in_one_interpreter(bench: Bench) -> None:
    bench.recorder()
    check = "[[cleanup]]\nname = 'check'\nstatus_expression = '%s'\n"

    result = bench.run(
        OPEN_MEASURE_CLOSE + check % 'Locals.Seen[0] == "open" && Locals.Seen[1] == "measure"'
    )

    assert bench.trace(result) == [
        "Setup open: Done",
        "Main measure: Done",
        "Cleanup close: Done",
        "Cleanup check: Passed",
    ]
    assert result.passed


@pytest.mark.parametrize("group", ["setup", "main"])
def test_cleanup_runs_after_an_error(bench: Bench, group: str) -> None:
    bench.recorder()

    result = bench.run(
        f"""
        [[{group}]]
        name = "break"
        module = "recorder.py"
        function = "fail"
        [[{group}]]
        name = "left out"
        module = "recorder.py"
        function = "seen"
        [[cleanup]]
        name = "close the first"
        module = "recorder.py"
        function = "fail"
        [[cleanup]]
        name = "close the second"
        module = "recorder.py"
        function = "seen"
        """
    )

    assert [line.partition(" ")[2] for line in bench.trace(result)] == [
        "break: Error",
        "close the first: Error",
        "close the second: Done",
    ]
    assert not result.passed
    assert "ValueError: no such instrument" in result.steps[0].message
    assert "recorder.py" in result.steps[0].details
    assert "interpreter_child" not in result.steps[0].details


def test_an_error_that_the_step_ignores_leaves_the_sequence_going(bench: Bench) -> None:
    bench.recorder()

    result = bench.run(
        """
        [[main]]
        name = "break"
        ignore_errors = true
        module = "recorder.py"
        function = "fail"
        [[main]]
        name = "next"
        """
    )

    assert bench.trace(result) == ["Main break: Error", "Main next: Done"]
    assert result.passed


def test_a_step_that_fails_makes_the_run_fail_and_the_next_step_still_runs(bench: Bench) -> None:
    result = bench.run(
        """
        [[main]]
        name = "limit"
        status_expression = '5 < 4 ? "Passed" : "Failed"'
        [[main]]
        name = "next"
        """
    )

    assert bench.trace(result) == ["Main limit: Failed", "Main next: Done"]
    assert [step.step for step in result.bad_steps] == ["limit"]


def test_a_fail_action_of_terminate_goes_on_with_cleanup(bench: Bench) -> None:
    result = bench.run(
        """
        [[main]]
        name = "limit"
        status_expression = 'False'
        fail_action = "Terminate"
        [[main]]
        name = "left out"
        [[cleanup]]
        name = "close"
        """
    )

    assert bench.trace(result) == ["Main limit: Failed", "Cleanup close: Done"]


def test_ctrl_c_runs_cleanup_and_exits_with_130(bench: Bench) -> None:
    bench.module(
        "slow.py",
        "import sys, time\n"
        "def work():\n"
        "    print('working', file=sys.stderr, flush=True)\n"
        "    time.sleep(1)\n"
        "def close():\n"
        "    print('closed', file=sys.stderr, flush=True)\n",
    )
    path = bench.sequence(
        "[[main]]\nname = 'work'\nmodule = 'slow.py'\nfunction = 'work'\n"
        "[[cleanup]]\nname = 'close'\nmodule = 'slow.py'\nfunction = 'close'\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "run", str(path), "--python", sys.executable],
        env={**os.environ, "PLATFORM_SIM_DISCOVERY": "127.0.0.1:1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **OWN_CONSOLE,
    )
    assert process.stderr is not None
    while "working" not in process.stderr.readline():
        assert process.poll() is None
    press_ctrl_c(process.pid)

    output, errors = process.communicate(timeout=120)

    assert process.returncode == 130, output + errors
    assert "closed" in errors
    assert "interrupted by the user" in output
    assert output.splitlines()[-1].startswith("interrupted: 1 bad of 2 steps")
