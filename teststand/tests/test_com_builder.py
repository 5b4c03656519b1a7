"""The COM builder makes only calls that TestStand's API has, in the order that it needs.

The tests have no TestStand. A recorder takes its place, which knows the members of the API.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import com_builder
import pytest
from build_sequences import DESCRIPTION, VARIANTS, with_variant
from build_with_teststand import main
from click.testing import CliRunner
from com_builder import STEP_GROUPS, ComBuilder
from platform_sim.sequence.description import parse_description, read_description
from platform_sim.sequence.errors import UnsupportedError
from teststand_api import API, CONSTANTS, Method, Property

Call = tuple[str, tuple[object, ...]]


class Recorder:
    """Records calls and assignments under their path; refuses those that the API does not have."""

    def __init__(self, calls: list[Call], path: str = "Engine", kind: str = "Engine") -> None:
        self.__dict__.update(_calls=calls, _path=path, _kind=kind)

    def __getattr__(self, name: str) -> Any:
        member = self._member(name)
        if isinstance(member, Method):
            return partial(self._call, name, member)
        return Recorder(self._calls, f"{self._path}.{name}", member.value)

    def __setattr__(self, name: str, value: object) -> None:
        member = self._member(name)
        assert isinstance(member, Property)
        assert member.writable, f"{self._kind}.{name} cannot be set"
        self._calls.append((f"{self._path}.{name} =", (value,)))

    def __str__(self) -> str:
        return str(self._path)

    def _member(self, name: str) -> Property | Method:
        assert name in API[self._kind], f"{self._kind} has no {name}"
        return API[self._kind][name]

    def _call(self, name: str, method: Method, *arguments: object) -> Recorder:
        assert method.least <= len(arguments) <= method.most, f"{self._kind}.{name}{arguments}"
        self._calls.append((f"{self._path}.{name}", tuple(map(str, arguments))))
        return Recorder(self._calls, f"{name}({len(self._calls)})", method.result)


def record(description: str) -> list[Call]:
    calls: list[Call] = []
    ComBuilder(Recorder(calls)).build(parse_description(description), Path("F.seq"))
    return calls


def last_names(calls: list[Call]) -> list[str]:
    return [path.rpartition(".")[2] for path, _ in calls]


def test_a_file_is_made_filled_saved_as_xml_and_released() -> None:
    names = last_names(record("[[main]]\nname = 'a'\n"))

    assert names == [
        "LoadTypePaletteFilesEx",
        "NewSequenceFile",
        "GetSequenceByName",
        "NewStep",
        "Name =",
        "CreateNewUniqueStepId",
        "AsPropertyObject",
        "InsertStep",
        "AsPropertyObjectFile",
        "FileWritingFormat =",
        "Save",
        "ReleaseSequenceFileEx",
    ]


def test_steps_go_into_their_groups_in_order() -> None:
    calls = record(
        "[[cleanup]]\nname = 'c'\n[[main]]\nname = 'm1'\n[[main]]\nname = 'm2'\n"
        "[[setup]]\nname = 's'\n"
    )

    inserted = [arguments[1:] for path, arguments in calls if path.endswith("InsertStep")]
    named = [arguments[0] for path, arguments in calls if path.endswith(".Name =")]
    assert named == ["s", "m1", "m2", "c"]
    assert inserted == [("0", "0"), ("0", "1"), ("1", "1"), ("0", "2")]


def test_a_python_step_gets_module_function_interpreter_and_arguments() -> None:
    calls = record(
        "python = { version = '3.11', environment = '.venv' }\n"
        "[[setup]]\nname = 'open'\nmodule = 'm.py'\nfunction = 'f'\n"
        "arguments = { sequence_context = 'ThisContext' }\n"
    )

    (adapter,) = [arguments for path, arguments in calls if path.endswith("NewStep")]
    values = {path.rpartition(".")[2]: arguments[0] for path, arguments in calls if "=" in path}
    assert adapter == ("Python Adapter", "Action")
    assert values["ModulePath ="] == "m.py"
    assert values["FunctionOrAttributeName ="] == "f"
    assert values["PythonVersion ="] == "3.11"
    assert values["InterpreterSessionScope ="] == 2
    (argument,) = [arguments for path, arguments in calls if path.endswith("Parameters.New")]
    assert argument[1:] == ("sequence_context", "ThisContext", "7")


def test_a_measurement_step_gets_every_parameter_by_its_property_path() -> None:
    calls = record(
        """
        [[main]]
        name = "measure"
        measurement = "ni.Some"
        version = "1.2.3"
        inputs = [
          { name = "kind", type = "enum", value = "1i64", values = { NONE = 0, ONE = 1 } },
        ]
        outputs = [{ name = "volts", type = "double[]", log = true }]
        """
    )

    assert ("NewStep", ("None Adapter", "NI_Measurement")) in [
        (path.rpartition(".")[2], arguments) for path, arguments in calls
    ]
    values = {str(arguments[0]): arguments[-1] for path, arguments in calls if ".SetVal" in path}
    first, second = "Measurement.Parameters[0]", "Measurement.Parameters[1]"
    assert values["Measurement.Name"] == "ni.Some"
    assert values["Measurement.Version"] == "1.2.3"
    assert values[f"{first}.Name"] == "kind"
    assert values[f"{first}.ID"] == values[f"{second}.ID"] == "1"
    assert values[f"{first}.Direction"] == "In"
    assert values[f"{first}.EnumDefinition[1]"] == "1"
    assert values[f"{second}.Direction"] == "Out"
    assert values[f"{second}.Dimension"] == "1"
    assert values[f"{second}.Log"] == "True"
    sizes = [
        (looked_up[0], arguments[0])
        for (_, looked_up), (path, arguments) in pairwise(calls)
        if path.endswith("SetNumElements")
    ]
    assert sizes == [("Measurement.Parameters", "2"), (f"{first}.EnumDefinition", "2")]


def test_limits_become_variables_and_a_status_expression() -> None:
    calls = record(
        """
        [[main]]
        name = "measure"
        measurement = "ni.Some"
        outputs = [{ name = "volts", type = "double[]" }]
        limits = { volts = { low = 1, high = 2 } }
        """
    )

    values = {str(arguments[0]): arguments[-1] for path, arguments in calls if ".SetVal" in path}
    assert values["Limits.measure.volts.Low"] == "1.0"
    assert values["Measurement.Parameters[0].ArgumentValue"] == "Locals.Limits.measure.volts.Value"
    assert "Locals.Limits.measure.volts.Value[0] >= " in values["TS.StatusExpr"]
    (made,) = [arguments for path, arguments in calls if path.endswith("NewSubProperty")]
    assert made == ("Limits.measure.volts.Value", "3", "True", "", "1")


def test_the_call_of_a_method_of_an_instance_keeps_its_result() -> None:
    calls = record(
        "[[main]]\nname = 'call'\nmodule = 'm.py'\nclass = 'C'\nfunction = 'f'\n"
        "instance = 'Locals.Object'\nscope = 'instance'\nresult = 'Locals.Result'\n"
    )

    values = {path.rpartition(".")[2]: arguments[0] for path, arguments in calls if "=" in path}
    assert values["ClassName ="] == "C"
    assert values["ClassInstanceLocationExpr ="] == "Locals.Object"
    assert values["ValueExpr ="] == "Locals.Result"


def test_constants_have_the_values_of_the_api() -> None:
    assert CONSTANTS["ConflictHandler_Error"] == com_builder.REFUSE_CONFLICTS
    assert CONSTANTS["FileWritingFormat_XML"] == com_builder.XML_FORMAT
    assert CONSTANTS["PropOption_InsertIfMissing"] == com_builder.INSERT_IF_MISSING
    assert CONSTANTS["PropValType_Number"] == com_builder.NUMBER
    assert CONSTANTS["PythonParamCategory_Dynamic"] == com_builder.DYNAMIC
    scope = CONSTANTS["PythonInterpreterSessionScope_PerExecution"]
    assert scope == com_builder.EXECUTION_SCOPE
    groups = {f"StepGroup_{group.name.title()}": n for group, n in STEP_GROUPS.items()}
    assert groups == {name: n for name, n in CONSTANTS.items() if name.startswith("StepGroup_")}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_sequences_of_this_folder_can_be_built(name: str, tmp_path: Path) -> None:
    calls: list[Call] = []
    content = with_variant(read_description(DESCRIPTION), VARIANTS[name])

    ComBuilder(Recorder(calls)).build(content, tmp_path / name)

    names = last_names(calls)
    assert names.count("InsertStep") == (12 if name == "MeasureAndLogBench.seq" else 9)
    assert names.index("Save") == len(names) - 2
    assert ("PinMapPath", f'"{VARIANTS[name].pin_map}"') in [
        (arguments[0], arguments[-1]) for _, arguments in calls if arguments
    ]


def test_the_file_is_released_when_a_step_cannot_be_made() -> None:
    class Refusing(Recorder):
        def __getattr__(self, name: str) -> Any:
            if name == "NewStep":
                raise RuntimeError("no such step type")
            return super().__getattr__(name)

    calls: list[Call] = []
    with pytest.raises(RuntimeError):
        ComBuilder(Refusing(calls)).build(
            parse_description("[[main]]\nname = 'a'\n"), Path("F.seq")
        )

    assert last_names(calls)[-1] == "ReleaseSequenceFileEx"


def test_array_variables_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="Names"):
        record("locals = { Names = ['a'] }\n[[main]]\nname = 'a'\n")


def test_without_teststand_it_says_so() -> None:
    result = CliRunner().invoke(main, [])

    assert result.exit_code == 1
    assert "TestStand" in result.output
