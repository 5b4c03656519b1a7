"""`check` finds errors, names the step, and says what to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from platform_sim.cli.main import main
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.sequence.check import Finding, check_sequence_file
from plugin_folders import TEST_PLUGINS

if TYPE_CHECKING:
    from conftest import Bench

PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap schemaVersion="1.6" xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd">
  <Instruments>
    <NIDmmInstrument name="DMM1" />
    <NIDCPowerInstrument name="SMU1" numberOfChannels="1"><ChannelGroup name="G" />
    </NIDCPowerInstrument>
  </Instruments>
  <Pins><DUTPin name="Pin1" /><DUTPin name="Pin2" /><DUTPin name="Power" /></Pins>
  <Sites><Site siteNumber="0" /></Sites>
  <Connections>
    <Connection pin="Pin1" siteNumber="0" instrument="DMM1" channel="0" />
    <Connection pin="Pin2" siteNumber="0" instrument="DMM1" channel="0" />
    <Connection pin="Power" siteNumber="0" instrument="SMU1" channel="0" />
  </Connections>
</PinMap>
"""
CODE = "def work(sequence_context, level=1): pass\nnumber = 1\n"
SEQUENCE = """
[[setup]]
name = "pin map"
pin_map = '"Test.pinmap"'
[[setup]]
name = "open"
module = "code_module.py"
function = "work"
arguments = { sequence_context = "ThisContext" }
[[main]]
name = "measure"
measurement = "platform_sim.tests.Tiny"
%s
"""
KINDS = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string"}
KINDS |= {11: "message", 13: "uint32", 14: "enum"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = PlatformOptions(
        plugin_folders=(TEST_PLUGINS,),
        log_folder=tmp_path_factory.mktemp("logs"),
        has_device_server=False,
    )
    with Platform(options) as platform:
        yield platform.discovery_address


@pytest.fixture(scope="module")
def description(address: str) -> str:
    """Return a correct sequence. Its measurement step has every parameter type."""
    from plugin_kit.calling import MeasurementPlugin

    service_class = "platform_sim.tests.Echo"
    with MeasurementPlugin.resolve(service_class, discovery_address=address) as plugin:
        metadata = plugin.metadata
    lists = []
    for parameters in (metadata.parameters, metadata.outputs):
        lines = []
        for one in parameters:
            kind = one.specialisation or KINDS[one.type]
            entry = f'name = "{one.name}", type = "{kind}{"[]" if one.is_repeated else ""}"'
            if one.enum_values:
                values = ", ".join(f"{name} = {value}" for name, value in one.enum_values.items())
                entry += f", values = {{ {values} }}"
            if one.name == "resource" and parameters is metadata.parameters:
                entry += """, value = '"Pin1"'"""
            lines.append(f"  {{ {entry} }},\n")
        lists.append("".join(lines))
    step = f"version = '{metadata.version}'\ninputs = [\n{lists[0]}]\noutputs = [\n{lists[1]}]\n"
    return (SEQUENCE % step).replace("platform_sim.tests.Tiny", service_class)


@pytest.fixture
def check(bench: Bench, description: str, address: str) -> Callable[..., list[Finding]]:
    bench.module("code_module.py", CODE)
    (bench.folder / "Test.pinmap").write_text(PIN_MAP, encoding="utf-8")

    def check(
        change: Callable[[str], str] = lambda text: text,
        xml: Callable[[str], str] | None = None,
    ) -> list[Finding]:
        findings = check_sequence_file(
            bench.sequence(change(description), xml),
            environment=os.environ,
            discovery_address=address,
            python=Path(sys.executable),
        )
        return [finding for finding in findings if finding.is_error]

    return check


def test_a_missing_environment_is_noted_and_is_no_error(bench: Bench) -> None:
    bench.module("code_module.py", CODE)
    step = 'module = "code_module.py"\nfunction = "work"\narguments = { sequence_context = "1" }'
    python = 'python = { version = "3.7", environment = ".venv" }'
    file = bench.sequence(f'{python}\n[[main]]\nname = "a"\n{step}\n')

    here = check_sequence_file(file, environment=os.environ, python=Path(sys.executable))
    (note,) = [f for f in check_sequence_file(file, environment=os.environ) if f not in here]
    assert str(note).startswith("note: file: the virtual environment .venv with")
    assert note.remedy == "Choose another with --python"


def test_a_right_sequence_has_no_findings(check: Callable[..., list[Finding]]) -> None:
    assert [str(finding) for finding in check()] == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('name = "double",', 'name = "duble",', "no parameter duble. Its parameters are i32"),
        (
            'name = "double",',
            'name = "duble",',
            "the step lacks the parameter double of the plug-in",
        ),
        (
            '"double", type = "double"',
            '"double", type = "float"',
            "parameter double: the step has the type TypeFloat, the plug-in TypeDouble",
        ),
        (
            '"i32", type = "int32"',
            '"i32", type = "int32[]"',
            "parameter i32: the step has the dimension 1, the plug-in 0. Set it to 0",
        ),
        (
            '"text", type = "string"',
            '"text", type = "path"',
            "parameter text: the step has the specialization Path, the plug-in None",
        ),
        (
            '"i64", type = "int64"',
            '"i64", type = "int64", id = 77',
            "parameter i64: the step has the field number 77, the plug-in 2",
        ),
        ("RED = 2", "RED = 3", "the enum values differ from the plug-in's"),
        ("tests.Echo", "tests.Gone", "platform_sim.tests.Gone.* is not available"),
        ("version = '2.1.0'", "version = '7.0.0'", "version 7.0.0"),
        ('"Pin1"', '"Pin9"', "has the pin 'Pin9', which the pin map does not have.*Pin1, Pin2"),
        ('"Pin1"', '"Power"', "pin 'Power', which is connected to no instrument of type niDMM"),
        ("Test.pinmap", "Tset.pinmap", "Tset.pinmap cannot be read: No such file"),
        (
            "code_module.py",
            "code_modul.py",
            "code_modul.py cannot be imported.*the code module .* does not exist",
        ),
        ('"work"', '"wrok"', "has no wrok. Correct the name"),
        ('"work"', '"number"', "number of code_module.py is not a function"),
        (
            '{ sequence_context = "ThisContext" }',
            "{}",
            "passes 0 arguments to work, which takes sequence_context, level",
        ),
        (
            '{ sequence_context = "ThisContext" }',
            "{ a = '1', b = '2', c = '3' }",
            "passes 3 arguments to work",
        ),
        ('name = "open"', 'name = "open"\npass_action = "Goto"', "pass action Goto"),
        (
            '{ name = "Grid",',
            '{ value = "1 + 1", name = "Grid",',
            r"result parameter Grid: 1 \+ 1 is not a variable",
        ),
        ('"ThisContext"', '"Locals."', "argument sequence_context: .*expected a name"),
    ],
)
def test_a_wrong_sequence_is_caught_with_step_and_remedy(
    check: Callable[..., list[Finding]], old: str, new: str, finding: str
) -> None:
    def change(text: str) -> str:
        assert old in text, text
        return text.replace(old, new)

    found = check(change)

    lines = "\n".join(map(str, found))
    with pytest.raises(AssertionError, match=finding):
        raise AssertionError(lines)
    assert all(one.where.startswith(("Setup step", "Main step")) for one in found)
    assert all(one.remedy for one in found)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("ubound='[1]'", "ubound='[7]'", "declares 8 elements and has 2"),
        ("name='MainSequence'", "name='Other'", "no MainSequence"),
        (
            "<typelist/>",
            "<typelist><typedef><Action classname='Obj'/></typedef></typelist>",
            "the type NI_Measurement is used, but not defined",
        ),
    ],
)
def test_a_damaged_file_is_caught(
    check: Callable[..., list[Finding]], old: str, new: str, finding: str
) -> None:
    found = check(xml=lambda text: text.replace(old, new, 1))

    assert finding in "\n".join(map(str, found))


def test_two_steps_with_one_id_are_caught(check: Callable[..., list[Finding]]) -> None:
    found = check(
        lambda text: text.replace('name = "open"', 'name = "open"\nid = "ID#:same"').replace(
            'name = "measure"', 'name = "measure"\nid = "ID#:same"'
        )
    )

    assert "the steps 'open', 'measure' share the id ID#:same" in str(found[0])


def test_a_file_without_types_is_noted_and_no_error(
    bench: Bench, description: str, check: Callable[..., list[Finding]]
) -> None:
    findings = check_sequence_file(bench.sequence("[[main]]\nname = 'a'\n"), environment=os.environ)

    assert [finding.is_error for finding in findings] == [False]
    assert "--types-from" in str(findings[0])


def test_the_command_prints_the_findings_and_fails(bench: Bench, address: str) -> None:
    path = bench.sequence("[[main]]\nname = 'it'\nmeasurement = 'test.Missing'\n")
    environment = {"PLATFORM_SIM_DISCOVERY": address}

    printed = CliRunner().invoke(main, ["check", str(path)], env=environment)
    as_json = CliRunner().invoke(main, ["check", str(path), "--json"], env=environment)
    offline = CliRunner().invoke(main, ["check", str(path), "--offline"])

    assert printed.exit_code == as_json.exit_code == 1
    assert "Main step 'it': test.Missing is not available" in printed.output
    assert "1 error, 1 note" in printed.output
    assert [one["is_error"] for one in json.loads(as_json.stdout)] == [False, True]
    assert offline.exit_code == 0
