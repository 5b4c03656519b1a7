"""The arguments, variables, objects and imports of code modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from platform_sim.sequence.results import StepStatus

if TYPE_CHECKING:
    from conftest import Bench


def test_a_code_module_reads_and_sets_variables_through_the_sequence_context(bench: Bench) -> None:
    bench.module(
        "uses_context.py",
        """
def work(sequence_context):
    context = sequence_context
    assert context.Execution.RunTimeVariables.Exists("NI.Missing", 0x0) is False
    context.Engine.TemporaryGlobals.SetValString("NI.Made", 0x1, "here")
    context.Engine.TemporaryGlobals.DeleteSubProperty("NI.Made", 0x0)
    context.Engine.TemporaryGlobals.DeleteSubProperty("NI.Made", 0x2)
    assert context.Engine.TemporaryGlobals.Exists("NI.Made", 0x0) is False
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


def test_two_code_modules_of_one_name_are_refused(bench: Bench) -> None:
    bench.module("a/helpers.py", "def work(): pass\n")
    bench.module("b/helpers.py", "def work(): pass\n")

    result = bench.run(
        "[[main]]\nname = 'a'\nmodule = 'a\\helpers.py'\nfunction = 'work'\n"
        "[[main]]\nname = 'b'\nmodule = 'b\\helpers.py'\nfunction = 'work'\n".replace("\\", "/")
    )

    assert "give each code module another name" in result.steps[1].message


def test_nis_sdk_reads_the_env_file_above_the_code_module(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    bench.module(".env", "MEASUREMENT_PLUGIN_NISWITCH_TOPOLOGY=2567/Independent\n")
    bench.module(
        "code/uses_sdk.py",
        "from ni_measurement_plugin_sdk_service._configuration import NISwitchOptions\n"
        "def topology(): return NISwitchOptions('niswitch').update_from_config().topology\n",
    )

    result = bench.run(
        """
        locals = { Topology = "" }
        [[main]]
        name = "ask"
        module = "code/uses_sdk.py"
        function = "topology"
        result = "Locals.Topology"
        status_expression = 'Locals.Topology == "2567/Independent"'
        """
    )

    assert bench.trace(result) == ["Main ask: Passed"], result.steps[0].message


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
