"""Files that TestStand saved, which have more content than those that platform-sim writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from platform_sim.sequence.check import check_sequence_file
from platform_sim.sequence.errors import SequenceFileError
from platform_sim.sequence.model import MeasurementCall, NoCall, PythonCall, PythonEnvironment
from platform_sim.sequence.property_tree import read_property_file
from platform_sim.sequence.seq_reader import read_sequence_file
from platform_sim.sequence.seq_writer import sequence_text
from platform_sim.sequence.type_library import types_from
from platform_sim.sequence.variables import ExecutionVariables

if TYPE_CHECKING:
    from conftest import Bench

MEASUREMENT = """
file_globals = { Link = { Map = "A.pinmap" } }
[[main]]
name = "measure"
measurement = "test.Some"
inputs = [
  { name = "volts", type = "double", value = "6" },
  { name = "color", type = "enum", value = "1i64", values = { NONE = 0, RED = 1 } },
]
outputs = [{ name = "there", type = "bool" }]
[[cleanup]]
name = "close"
module = "code_module.py"
function = "close"
python = { version = "3.9", environment = ".venv" }
"""
LOCKED = "<protected>E@=0&lt;]CF^a\n0&gt;x\n</protected>"
"""The form of a definition that TestStand stores as opaque text; the text is made up."""

CLEAR = """<typedef alwayssavetype='false' typelistordernum='1'>
<{name} classname='Obj' isroottypedef='true' typecategory='3'>
<subprops>
<Flags classname='Num'><value>8192</value><numericfmt>%#x</numericfmt></Flags>
<Help classname='Str'><value>"first line
second line"</value></Help>
<Substeps classname='Objs'><value lbound='[0]' ubound='[0]'><value>
<Step typename='Edit' name='Edit'><subprops/></Step>
</value></value></Substeps>
</subprops>
</{name}>
</typedef>
"""
IN_THE_CLEAR = ("Action", "NI_PythonParameter", "PythonStepAdditions", "CustomResult")


def with_types(text: str, locked: int = 3) -> str:
    """Put type definitions into a file, as TestStand saves them."""
    clear = "".join(CLEAR.format(name=name) for name in IN_THE_CLEAR)
    return text.replace("<typelist/>", f"<typelist>\n{clear}{locked * LOCKED}</typelist>")


def test_types_that_teststand_locked_count_as_defined(bench: Bench) -> None:
    path = bench.sequence(MEASUREMENT, with_types)

    assert read_property_file(path).locked_types == 3
    problems = [finding.problem for finding in check_sequence_file(path, environment=os.environ)]
    assert [problem for problem in problems if "not defined" in problem] == []


def test_a_locked_type_that_is_missing_is_found(bench: Bench) -> None:
    path = bench.sequence(MEASUREMENT, lambda text: with_types(text, locked=1))

    problems = [finding.problem for finding in check_sequence_file(path, environment=os.environ)]
    assert "the type NI_Measurement is used, but not defined" in problems


def test_what_teststand_saved_is_written_again_with_its_types(bench: Bench) -> None:
    path = bench.sequence(MEASUREMENT, with_types)

    again = sequence_text(read_sequence_file(path), types_from(path))

    assert again == path.read_text(encoding="utf-8")


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(bench: Bench) -> None:
    path = bench.sequence(MEASUREMENT, with_types)
    content, types = read_sequence_file(path), types_from(path)

    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n")

    assert read_sequence_file(path) == content
    assert types_from(path) == types


def test_a_parameter_has_its_enum_values_as_teststand_keeps_them(bench: Bench) -> None:
    data = read_property_file(bench.sequence(MEASUREMENT)).data
    definitions = [node for node in data.walk() if node.name == "EnumDefinition"]

    assert [node.class_name for node in definitions] == ["Objs"] * 3
    assert [[one.name for one in node.elements] for node in definitions] == [
        [],
        ["NONE", "RED"],
        [],
    ]


def test_a_newer_teststand_writes_a_namespace_and_properties_of_its_own(bench: Bench) -> None:
    before = read_sequence_file(bench.sequence(MEASUREMENT))

    def newer(text: str) -> str:
        step = "xsi:type='_CustomStepType_' name='measure'>\n\t\t\t\t\t\t\t\t\t\t\t\t<subprops>\n"
        description = "<InstrumentStepDescription classname='Str'><value/>"
        named = "<Measurement classname='Obj'>\n\t\t\t\t\t\t\t\t\t\t\t\t\t\t<subprops>\n"
        return (
            text.replace("/21.0.0/", "/23.0.0/")
            .replace("xsi:type='NI_Measurement'", "xsi:type='_CustomStepType_'")
            .replace(step, f"{step}{description}</InstrumentStepDescription>")
            .replace(named, f"{named}<Version classname='Str'><value/></Version>")
        )

    assert read_sequence_file(bench.sequence(MEASUREMENT, newer)) == before


def test_an_older_step_type_has_parameters_without_message_type_and_enum_definition(
    bench: Bench,
) -> None:
    def older(text: str) -> str:
        lines, kept = iter(text.splitlines()), []
        for line in lines:
            tag = line.strip().partition(" ")[0].removeprefix("<")
            if tag in ("MessageType", "EnumDefinition"):
                while f"</{tag}>" not in next(lines):
                    pass
            else:
                kept.append(line)
        return "\n".join(kept)

    (step,) = read_sequence_file(bench.sequence(MEASUREMENT, older)).sequences[0].main
    assert isinstance(step.call, MeasurementCall)
    assert [one.name for one in step.call.parameters] == ["volts", "color", "there"]
    assert [dict(one.enum_values) for one in step.call.parameters] == [{}, {}, {}]


def test_a_path_among_the_file_globals_is_a_text(bench: Bench) -> None:
    def as_path(text: str) -> str:
        return text.replace(
            "<Map classname='Str'>", "<Map typename='Path' xsi:type='Path' classname='PathValue'>"
        )

    content = read_sequence_file(bench.sequence(MEASUREMENT, as_path))

    variables = ExecutionVariables(content, content.sequences[0])
    assert variables.get(("FileGlobals", "Link", "Map")) == "A.pinmap"


def test_elements_of_a_plain_array_have_the_index_in_the_file(bench: Bench) -> None:
    array = 'locals = { List = ["a", "b", "c"] }\n[[main]]\nname = "a"\n'

    def without_second(text: str) -> str:
        assert "<value arrayindex='[1]'>b</value>" in text
        return text.replace("<value arrayindex='[1]'>b</value>", "")

    whole = read_sequence_file(bench.sequence(array)).sequences[0].locals
    left_out = read_sequence_file(bench.sequence(array, without_second)).sequences[0].locals

    assert whole == {"List": ["a", "b", "c"]}
    assert left_out == {"List": ["a", "", "c"]}


@pytest.mark.parametrize(
    ("index", "message"), [("[7]", "outside of its array"), ("[0][1]", "arrays of one dimension")]
)
def test_an_array_that_is_not_read_here_is_refused(bench: Bench, index: str, message: str) -> None:
    array = 'locals = { List = ["a"] }\n[[main]]\nname = "a"\n'
    path = bench.sequence(
        array, lambda text: text.replace("arrayindex='[0]'", f"arrayindex='{index}'")
    )

    with pytest.raises(SequenceFileError, match=message):
        read_sequence_file(path)


def test_a_step_without_adapter_calls_nothing(bench: Bench) -> None:
    def none_adapter(text: str) -> str:
        head = "\t</Icon>\n"
        module = "<SData typename='NoneStepAdditions' classname='NoneModule'/>\n"
        return text.replace(head, head + module)

    path = bench.sequence("[[main]]\nname = 'note'\n", none_adapter)

    assert read_sequence_file(path).sequences[0].main[0].call == NoCall()


def test_an_interpreter_by_the_adapters_settings_is_the_installed_python(bench: Bench) -> None:
    def by_settings(text: str) -> str:
        tag = "<UseAdapterSettingsForInterpreterSession classname='Bool'>"
        before, _, after = text.partition(tag)
        return before + tag + after.replace("false", "true", 1)

    (step,) = read_sequence_file(bench.sequence(MEASUREMENT, by_settings)).sequences[0].cleanup

    assert isinstance(step.call, PythonCall)
    assert step.call.environment == PythonEnvironment(version="", path="")


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused(bench: Bench, cut: float) -> None:
    path: Path = bench.sequence(MEASUREMENT, with_types)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: int(len(text) * cut)], encoding="utf-8")

    with pytest.raises(SequenceFileError, match="not well-formed XML"):
        read_sequence_file(path)
