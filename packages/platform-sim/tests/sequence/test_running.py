from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.reports import run_as_json, write_junit
from platform_sim.sequence.results import StepStatus

if TYPE_CHECKING:
    from conftest import Bench

RUN = "from platform_sim.cli import main; main()"

RECORDER = """
calls = []

def note(name):
    calls.append(name)

def fail():
    raise ValueError("no such instrument")

def seen():
    return list(calls)
"""

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
    bench.module("recorder.py", RECORDER)
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
    bench.module("recorder.py", RECORDER)

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
    bench.module("recorder.py", RECORDER)

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
    bench.module("recorder.py", RECORDER)

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


def test_a_code_module_reads_and_sets_variables_through_the_sequence_context(bench: Bench) -> None:
    bench.module(
        "uses_context.py",
        """
def work(sequence_context):
    context = sequence_context
    assert context.Execution.RunTimeVariables.Exists("NI.Missing", 0x0) is False
    assert context.Locals.Volts == 6.0
    assert context.Locals.GetValNumber("Volts", 0) == 6.0
    assert context.AsPropertyObject().GetValString("FileGlobals.Map.Path", 0) == "A"
    assert context.FileGlobals.Map.Path == "A"
    assert context.Step.Name == "work" and context.Sequence.Name == "MainSequence"
    found, path, _, _, cancelled = context.Engine.FindFileEx(
        fileToFind="uses_context.py", absolutePath=None, srchDirType=None,
        searchDirectoryIndex=None, userCancelled=None, searchContext=context.SequenceFile)
    assert found and path.endswith("uses_context.py") and not cancelled
    context.Locals.SetValNumber("Volts", 0, 7)
    context.Locals.SetValString("Made", 1, "here")
""",
    )

    result = bench.run(
        """
        locals = { Volts = 6.0 }
        file_globals = { Map = { Path = "A" } }
        [[main]]
        name = "work"
        module = "uses_context.py"
        function = "work"
        arguments = { sequence_context = "ThisContext" }
        [[main]]
        name = "check"
        status_expression = 'Locals.Volts == 7 && Locals.Made == "here"'
        """
    )

    assert bench.trace(result) == ["Main work: Done", "Main check: Passed"], result.steps[0].message


def test_an_unknown_member_of_the_context_is_named(bench: Bench) -> None:
    bench.module("asks.py", "def work(context):\n    context.Engine.NewUser()\n")

    result = bench.run(
        """
        [[main]]
        name = "work"
        module = "asks.py"
        function = "work"
        arguments = { context = "ThisContext" }
        """
    )

    assert "Engine.NewUser of the TestStand API is not available" in result.steps[0].message


def test_an_instance_lives_in_the_interpreter_from_step_to_step(bench: Bench) -> None:
    bench.module(
        "counter.py",
        "class Counter:\n"
        "    start = 40\n"
        "    def __init__(self, step): self.count = self.start; self.step = step\n"
        "    def add(self): self.count += self.step; return self.count\n",
    )

    result = bench.run(
        """
        locals = { Counter = "", Count = 0.0 }
        [[main]]
        name = "make"
        module = "counter.py"
        function = "Counter"
        class = "Counter"
        operation = "create_class"
        instance = "Locals.Counter"
        arguments = { step = "1i64" }
        [[main]]
        name = "set"
        module = "counter.py"
        function = "step"
        operation = "set_attribute"
        scope = "instance"
        class = "Counter"
        instance = "Locals.Counter"
        arguments = { value = "2i64" }
        [[main]]
        name = "add"
        module = "counter.py"
        function = "add"
        scope = "instance"
        class = "Counter"
        instance = "Locals.Counter"
        result = "Locals.Count"
        status_expression = "Locals.Count == 42"
        [[main]]
        name = "get"
        module = "counter.py"
        function = "start"
        operation = "get_attribute"
        scope = "class"
        class = "Counter"
        result = "Locals.Count"
        status_expression = "Locals.Count == 40"
        """
    )

    assert [step.status for step in result.steps] == [
        StepStatus.DONE,
        StepStatus.DONE,
        StepStatus.PASSED,
        StepStatus.PASSED,
    ], [step.message for step in result.steps]


def test_an_object_that_a_code_module_leaves_in_a_variable_is_there_for_the_next(
    bench: Bench,
) -> None:
    bench.module(
        "keeps.py",
        "class Device:\n"
        "    volts = 3\n"
        "def open_it(context): context.Locals.SetValVariant('Device', 0, Device())\n"
        "def use_it(context, device):\n"
        "    assert context.Locals.Device is device\n"
        "    return device.volts\n",
    )

    result = bench.run(
        """
        locals = { Device = "", Volts = 0.0 }
        [[main]]
        name = "open"
        module = "keeps.py"
        function = "open_it"
        arguments = { context = "ThisContext" }
        [[main]]
        name = "use"
        module = "keeps.py"
        function = "use_it"
        arguments = { context = "ThisContext", device = "Locals.Device" }
        result = "Locals.Volts"
        status_expression = "Locals.Volts == 3"
        """
    )

    assert bench.trace(result) == ["Main open: Done", "Main use: Passed"], result.steps[-1].message


def test_what_code_modules_print_does_not_disturb_the_run(bench: Bench) -> None:
    bench.module(
        "noisy.py",
        "import os, subprocess, sys\n"
        "def work():\n"
        "    print('{\"value\": 1}')\n"
        "    os.write(1, b'raw\\n')\n"
        "    subprocess.run([sys.executable, '-c', 'print(2)'], check=True)\n"
        "    assert sys.stdin.read() == ''\n",
    )

    result = bench.run("[[main]]\nname = 'work'\nmodule = 'noisy.py'\nfunction = 'work'\n")

    assert result.passed, result.steps[0].message


def test_an_interpreter_that_dies_is_an_error_of_the_step(bench: Bench) -> None:
    bench.module("dies.py", "import os\ndef work():\n    os._exit(7)\n")

    result = bench.run(
        "[[main]]\nname = 'work'\nmodule = 'dies.py'\nfunction = 'work'\n[[cleanup]]\nname = 'c'\n"
    )

    assert bench.trace(result) == ["Main work: Error", "Cleanup c: Done"]
    assert "ended with code 7" in result.steps[0].message


def test_two_code_modules_of_one_name_are_refused(bench: Bench) -> None:
    bench.module("a/helpers.py", "def work(): pass\n")
    bench.module("b/helpers.py", "def work(): pass\n")

    result = bench.run(
        "[[main]]\nname = 'a'\nmodule = 'a\\helpers.py'\nfunction = 'work'\n"
        "[[main]]\nname = 'b'\nmodule = 'b\\helpers.py'\nfunction = 'work'\n".replace("\\", "/")
    )

    assert "give every code module a name of its own" in result.steps[1].message


def test_modules_beside_a_code_module_are_found_and_the_runner_s_own_are_not(bench: Bench) -> None:
    bench.module("code/shared_part.py", "value = 3\n")
    bench.module(
        "code/main_part.py",
        "import importlib.util, shared_part\n"
        "def work():\n"
        "    assert importlib.util.find_spec('platform_sim_teststand_context_x') is None\n"
        "    return shared_part.value\n",
    )

    result = bench.run(
        "locals = { Got = 0 }\n"
        "[[main]]\nname = 'work'\nmodule = 'code\\main_part.py'\nfunction = 'work'\n"
        "result = 'Locals.Got'\nstatus_expression = 'Locals.Got == 3'\n".replace(
            "'code\\", "'code/"
        )
    )

    assert bench.trace(result) == ["Main work: Passed"], result.steps[0].message


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("typename='Action' xsi:type='Action'", "typename='NI_Wait'", "step type NI_Wait"),
        ("classname='CPythonModule'", "classname='LVModule'", "adapter PythonStepAdditions"),
        ("<value>Normal</value>", "<value>Breakpoint</value>", "run mode Breakpoint"),
        (
            "<PassAct classname='Str'>\n\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t<value>Next</value>",
            "<PassAct classname='Str'>\n\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t<value>Goto</value>",
            "pass action Goto",
        ),
        ("<value>NoLooping</value>", "<value>FixedNumLoops</value>", "looping FixedNumLoops"),
        ("name='MainSequence'", "name='Other'", "no MainSequence"),
        ("<value>ThisContext</value>", "<value>Str(1)</value>", r"function Str\(\)"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_before_anything_runs(
    bench: Bench, old: str, new: str, named: str
) -> None:
    bench.module("never.py", "raise SystemExit('imported')\n")
    description = (
        "[[main]]\nname = 'the step'\nmodule = 'never.py'\nfunction = 'work'\n"
        "arguments = { context = 'ThisContext' }\n"
    )

    with pytest.raises(UnsupportedError, match=named) as caught:
        bench.run(description, lambda text: text.replace(old, new))

    assert "Main step 'the step'" in str(caught.value) or "MainSequence" in str(caught.value)


def test_junit_has_a_case_per_step_with_its_failure(bench: Bench, tmp_path: Path) -> None:
    bench.module("recorder.py", RECORDER)
    result = bench.run(
        """
        [[main]]
        name = "limit"
        status_expression = 'False'
        [[main]]
        name = "left"
        mode = "Skip"
        [[main]]
        name = "break"
        module = "recorder.py"
        function = "fail"
        """
    )

    write_junit(result, tmp_path / "reports" / "junit.xml")

    suite = etree.parse(tmp_path / "reports" / "junit.xml").find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == list("3111")
    kinds = {case.get("name"): [child.tag for child in case] for case in suite}
    assert kinds == {"limit": ["failure"], "left": ["skipped"], "break": ["error"]}
    assert json.dumps(run_as_json(result))


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
    )
    assert process.stderr is not None
    while "working" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)

    output, errors = process.communicate(timeout=30)

    assert process.returncode == 130, output + errors
    assert "closed" in errors
    assert "interrupted by the user" in output
    assert output.splitlines()[-1].startswith("interrupted: 1 bad of 2 steps")
