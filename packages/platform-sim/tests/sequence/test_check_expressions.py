"""`check` finds in expressions what fails in a run: missing variables, values of wrong types."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.sequence.check import Finding, check_sequence_file
from plugin_folders import TEST_PLUGINS

if TYPE_CHECKING:
    from conftest import Bench

VARIABLES = """
locals = { Volts = 1.5, Name = "a", Okay2 = true, List = [1.0], Object = { Inner = 2.0 } }
file_globals = { Map = "a.pinmap" }
"""
MEASURE = """
[[main]]
name = "it"
measurement = "platform_sim.tests.Tiny"
inputs = [ { name = "value", type = "double", value = '%s' } ]
outputs = [ { name = "doubled", type = "double", value = '%s' } ]
"""
STEP = '[[main]]\nname = "it"\n'


def measure(value: str = "1", target: str = "", more: str = "") -> str:
    return MEASURE % (value, target) + more


WRONG = [
    (STEP + "status_expression = 'Locals.Okay'", "status expression: .* variable Locals.Okay"),
    (
        STEP + "precondition = 'Lokals.Okay2'",
        "precondition: .* variable Lokals does not exist. The execution has",
    ),
    (
        STEP + "pre_expression = 'Locals.Volts = Locals.Amps'",
        "variable Locals.Amps does not exist. Locals has Vol",
    ),
    (STEP + "post_expression = 'Locals.Amps = 1'", "post-expression: .* variable Locals.Amps"),
    (STEP + "post_expression = 'Locals.Amps += 1'", "post-expression: .* variable Locals.Amps"),
    (STEP + "pre_expression = 'Locals.List[Locals.At]'", "variable Locals.At"),
    (
        STEP + "pre_expression = 'Locals.Object.Outer'",
        "Locals.Object.Outer does not exist. Locals.Object has Inn",
    ),
    (STEP + "pre_expression = 'Locals.Volts.Value'", "variable Locals.Volts.Value"),
    (STEP + "status_expression = 'Step.Result.all_passed'", "variable Step.Result.all_passed"),
    (STEP + "status_expression = 'RunState.Sequence'", "variable RunState.Sequence"),
    (STEP + "pre_expression = 'Step.Other.All = 1'", "the variable Step.Other does not exist"),
    (measure("Locals.Amps"), "parameter value: the variable Locals.Amps does not exist"),
    (
        measure(target="Locals.Amps"),
        "result parameter doubled: the variable Locals.Amps does not exist",
    ),
    (
        measure(more="status_expression = 'Step.Result.Outputs.tripled > 1'"),
        "Step.Result.Outputs.tripled does not exist. Step.Result.Outputs has doubled",
    ),
    (
        measure(more="pre_expression = 'Step.Result.Outputs.doubled > 1'"),
        "pre-expression: the variable Step.Result.Outputs does not exist",
    ),
    (measure('"abc"'), "parameter value: 'abc' does not fit double"),
    (measure("Locals.Name"), "parameter value: Locals.Name is a text, and .* needs a number"),
    (measure('Locals.Name + "b"'), "is a text, and the parameter needs a number"),
    (measure("{1, 2}"), r"parameter value: \[1.0, 2.0\] does not fit double"),
    (STEP + "status_expression = '\"Okay\"'", "gives 'Okay', not a status"),
    (STEP + "status_expression = 'Locals.Volts'", "gives 1.5, not a status"),
]
RIGHT = [
    STEP + "status_expression = 'Locals.Okay2'",
    STEP + "pre_expression = 'Step.Result.all_passed = True'\n"
    "status_expression = 'Step.Result.all_passed'",
    STEP + "pre_expression = 'Locals.Volts += Locals.List[0] + Locals.Object.Inner'",
    measure("Locals.Volts", "Locals.Volts"),
    measure(target="Step.Result.twice", more="status_expression = 'Step.Result.twice > 1'"),
    measure(more="status_expression = 'Step.Result.Outputs.doubled > 1'"),
    STEP + "mode = 'Skip'\nstatus_expression = 'Locals.Okay'",
    STEP + "pre_expression = 'Locals.Name = FileGlobals.Map'",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = PlatformOptions(
        plugin_folders=(TEST_PLUGINS,),
        log_folder=tmp_path_factory.mktemp("logs"),
        has_device_server=False,
    )
    with Platform(options) as platform:
        yield platform.discovery_address


@pytest.fixture
def check(bench: Bench, address: str) -> Callable[[str], list[Finding]]:
    def check(steps: str) -> list[Finding]:
        return [
            finding
            for finding in check_sequence_file(
                bench.sequence(VARIABLES + steps),
                environment=os.environ,
                discovery_address=address,
                python=Path(sys.executable),
            )
            if finding.where != "file"
        ]

    return check


@pytest.mark.parametrize(("steps", "finding"), WRONG)
def test_errors_of_a_run_are_found_before_it(
    bench: Bench, check: Callable[[str], list[Finding]], address: str, steps: str, finding: str
) -> None:
    assert not bench.run(VARIABLES + steps, discovery_address=address).passed
    (found,) = check(steps)
    assert re.search(finding, str(found)), found
    assert found.is_error
    assert found.where == "Main step 'it'"


@pytest.mark.parametrize("steps", RIGHT)
def test_a_sequence_that_passes_has_no_findings(
    bench: Bench, check: Callable[[str], list[Finding]], address: str, steps: str
) -> None:
    assert bench.run(VARIABLES + steps, discovery_address=address).passed
    assert check(steps) == []


ADDS = """
def add(context):
    context.AsPropertyObject().SetValNumber("Locals.Added", 1, 2.0)

def idle():
    pass
"""


def test_a_variable_that_a_code_module_may_add_is_noted(
    bench: Bench, check: Callable[[str], list[Finding]], address: str
) -> None:
    bench.module("adds.py", ADDS)
    adds = '[[setup]]\nname = "add"\nmodule = "adds.py"\nfunction = "add"\n'
    steps = adds + "arguments = { context = 'ThisContext' }\n" + STEP
    added = steps + "status_expression = 'Locals.Added == 2'"
    assert bench.run(VARIABLES + added, discovery_address=address).passed
    (note,) = check(added)
    assert not note.is_error

    (error,) = check(steps + "status_expression = 'Locals.Other == 2'")
    assert error.is_error
