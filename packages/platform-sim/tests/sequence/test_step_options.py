"""Preconditions, run modes, loops and waits decide if, when and how often a step runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from platform_sim.sequence.check import check_sequence_file
from platform_sim.sequence.errors import UnsupportedError

if TYPE_CHECKING:
    from conftest import Bench


def test_preconditions_and_run_modes_decide_what_runs(bench: Bench) -> None:
    result = bench.run(
        """
        locals = { Wanted = false }
        [[main]]
        name = "by precondition"
        precondition = "Locals.Wanted"
        [[main]]
        name = "by mode"
        mode = "Skip"
        [[main]]
        name = "forced"
        mode = "ForcePass"
        """
    )

    assert bench.trace(result) == [
        "Main by precondition: Skipped",
        "Main by mode: Skipped",
        "Main forced: Passed",
    ]


def test_a_loop_runs_by_its_expressions(bench: Bench) -> None:
    bench.recorder()

    result = bench.run(
        """
        locals = { Sum = 0.0 }
        [[main]]
        name = "add"
        loop_type = "FixedNumLoops"
        loop_while = "RunState.LoopIndex < 4"
        loop_status = 'RunState.LoopNumPassed == 4 ? "Passed" : "Failed"'
        pre_expression = "Locals.Sum += RunState.LoopIndex"
        module = "recorder.py"
        function = "note"
        arguments = { name = "RunState.LoopIndex" }
        [[main]]
        name = "check"
        status_expression = "Locals.Sum == 6"
        """
    )

    assert bench.trace(result) == ["Main add: Passed", "Main check: Passed"]


def test_a_statement_step_evaluates_its_expression(bench: Bench) -> None:
    result = bench.run(
        """
        locals = { Count = 1.0 }
        [[main]]
        name = "count"
        post_expression = "Locals.Count += 1"
        status_expression = "Locals.Count == 2"
        """,
        lambda text: text.replace("'Action'", "'Statement'"),
    )

    assert bench.trace(result) == ["Main count: Passed"]


WAIT = "[[main]]\nname = 'wait'\n[[cleanup]]\nname = 'close'\n"


def waiting(seconds: str, target: int = 0) -> Callable[[str], str]:
    """Make the step named wait a Wait step."""

    def change(text: str) -> str:
        start, end = text.index("<Step"), text.index("</Step>")
        step = text[start:end].replace("'Action'", "'NI_Wait'")
        head, _, tail = step.rpartition("</subprops>")
        properties = (
            f"<WaitForTarget classname='Num'><value>{target}</value></WaitForTarget>"
            f"<TimeExpr classname='ExprValue'><value>{seconds}</value></TimeExpr>"
            "<TimeoutEnabled classname='Bool'><value>false</value></TimeoutEnabled>"
        )
        return f"{text[:start]}{head}{properties}</subprops>{tail}{text[end:]}"

    return change


def test_a_wait_step_waits_for_its_time(bench: Bench) -> None:
    result = bench.run(WAIT, waiting("0.1 + 0.1"))

    assert bench.trace(result) == ["Main wait: Done", "Cleanup close: Done"]
    assert 0.19 < result.steps[0].seconds < 2  # clocks of Windows are coarse


@pytest.mark.parametrize("seconds", ['"soon"', "True", "-1", "1e999"])
def test_a_time_that_is_none_is_an_error_of_the_wait_step(bench: Bench, seconds: str) -> None:
    result = bench.run(WAIT, waiting(seconds))

    assert bench.trace(result) == ["Main wait: Error", "Cleanup close: Done"]
    told = "not a number of seconds"
    assert told in result.steps[0].message
    path = bench.sequence(WAIT, waiting(seconds))
    found = check_sequence_file(path, environment=os.environ)
    assert told in "\n".join(str(one) for one in found if one.is_error)


def test_a_wait_for_something_else_than_a_time_is_refused(bench: Bench) -> None:
    with pytest.raises(UnsupportedError, match=r"Main step 'wait': .*\(WaitForTarget 2\)"):
        bench.run(WAIT, waiting("1", target=2))


def test_the_time_to_wait_is_checked_beforehand(bench: Bench) -> None:
    path = bench.sequence(WAIT, waiting("Seconds()"))

    found = [str(finding) for finding in check_sequence_file(path, environment=os.environ)]
    assert "Main step 'wait': time to wait: Seconds(): the function Seconds()" in "\n".join(found)
