"""The choice of the Python for code modules. A run survives the errors of its code modules."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from capabilities import needs_shell
from platform_process import wait_for_exit
from platform_sim.sequence.reports import Notes
from platform_sim.sequence.results import RunResult
from platform_sim.sequence.runner import run_sequence_file

if TYPE_CHECKING:
    from conftest import Bench

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
TWO_STEPS = """
locals = { First = "", Second = "" }
python = { version = "%s", environment = ".venv" }
[[main]]
name = "first"
module = "who.py"
function = "prefix"
result = "Locals.First"
[[main]]
name = "second"
module = "who.py"
function = "process"
result = "Locals.Second"
[[cleanup]]
name = "tell"
module = "who.py"
function = "tell"
arguments = { where = "Locals.First", process = "Locals.Second" }
"""
WHO = """
import os, sys
from pathlib import Path
def prefix(): return sys.prefix
def process(): return os.getpid()
def tell(where, process):
    assert process == os.getpid()
    Path(__file__).with_name("told.txt").write_text(where)
"""


def run(bench: Bench, version: str, python: Path | None = None) -> RunResult:
    bench.module("who.py", WHO)
    return run_sequence_file(
        bench.sequence(TWO_STEPS % version),
        discovery_address="127.0.0.1:1",
        environment=os.environ,
        listener=Notes(),
        python=python,
    )


def test_the_virtual_environment_beside_the_sequence_runs_all_of_its_steps(bench: Bench) -> None:
    venv.create(bench.folder / ".venv", symlinks=os.name != "nt")

    result = run(bench, RUNNING)

    assert result.passed, [step.message for step in result.steps]
    told = Path((bench.folder / "told.txt").read_text())
    assert told.resolve() == (bench.folder / ".venv").resolve()


@needs_shell
def test_output_of_a_python_at_its_start_is_not_a_reply(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    python = bench.folder / "talking-python"
    python.write_text(f"#!/bin/sh\necho hello\necho 7\nexec '{sys.executable}' \"$@\"\n")
    python.chmod(0o755)

    result = run(bench, RUNNING, python)

    assert result.passed, [step.message for step in result.steps]
    assert "hello\n7\n" in capfd.readouterr().err


def test_an_environment_of_another_version_is_refused_with_the_remedy(bench: Bench) -> None:
    venv.create(bench.folder / ".venv", symlinks=os.name != "nt")

    result = run(bench, "3.7")

    assert "The step needs Python 3.7" in result.steps[0].message
    assert "--python" in result.steps[0].message


def test_without_that_environment_this_python_runs_the_steps(bench: Bench) -> None:
    result = run(bench, "3.7")

    assert result.passed
    assert (bench.folder / "told.txt").read_text() == sys.prefix


def test_a_line_says_that_another_python_is_used(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bench, "3.7")

    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert line.startswith("note: the virtual environment .venv with Python 3.7")
    assert f"the Python {RUNNING}" in line
    assert "--python" in line
    assert told.out == ""


def test_no_line_comes_for_a_python_that_the_sequence_or_the_user_names(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bench, "3.7", python=Path(sys.executable))
    venv.create(bench.folder / ".venv", symlinks=os.name != "nt")
    run(bench, RUNNING)

    assert capsys.readouterr().err == ""


def test_a_python_named_by_the_user_runs_the_steps(bench: Bench, tmp_path: Path) -> None:
    venv.create(bench.folder / ".venv", symlinks=os.name != "nt")

    result = run(bench, RUNNING, python=Path(sys.executable))

    assert result.passed
    assert (bench.folder / "told.txt").read_text() == sys.prefix


def test_a_python_that_cannot_be_started_is_an_error_of_the_step(bench: Bench) -> None:
    result = run(bench, RUNNING, python=bench.folder / "no-python")

    assert "no-python cannot be started" in result.steps[0].message


def test_the_interpreter_ends_with_the_run(bench: Bench) -> None:
    bench.module("leave.py", "import os\ndef work(): return os.getpid()\n")
    program = f"""
import os, sys
from pathlib import Path
from platform_sim.sequence.interpreter import Interpreter
from platform_sim.sequence.model import PythonCall
interpreter = Interpreter(Path(sys.executable), os.environ)
empty = {{"Locals": {{}}, "FileGlobals": {{}}, "Parameters": {{}}, "RunState": {{}}}}
context = {{"variables": empty, "run_time_variables": {{}}, "sequence_file": "F.seq",
           "sequence": "MainSequence", "step": "work", "execution": 1}}
call = PythonCall("leave.py", "work")
answer = interpreter.call(call, Path({str(bench.folder / "leave.py")!r}), [], None, context)
print(answer[0], flush=True)
os._exit(0)
"""
    printed = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout

    assert wait_for_exit(int(printed), 60)


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
