from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.description_writer import description_text
from platform_sim.sequence.errors import DescriptionError, SequenceFileError, UnsupportedError
from platform_sim.sequence.model import (
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    Operation,
    PinMapUpdate,
    PythonArgument,
    PythonCall,
    PythonEnvironment,
    Scope,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
)
from platform_sim.sequence.property_tree import read_property_file
from platform_sim.sequence.seq_reader import read_sequence_file
from platform_sim.sequence.seq_writer import sequence_text, with_ids, write_sequence_file
from plugin_kit import Limits, OutputLimits
from plugin_kit.limits import SITES_OUTPUT

_CHARACTERS = st.one_of(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
    ),
    st.sampled_from("\t\n\r\"'\\<>&"),
)
_texts = st.text(_CHARACTERS, max_size=20)
_names = st.text(_CHARACTERS, max_size=12).map(lambda text: "n" + text)
_identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
_environments = st.builds(PythonEnvironment, st.sampled_from(["", "3.11"]), _texts)
_python_calls = st.builds(
    PythonCall,
    module=_names,
    function=_identifiers,
    arguments=st.lists(
        st.builds(PythonArgument, _identifiers, _texts), max_size=3, unique_by=lambda a: a.name
    ).map(tuple),
    result=_texts,
    operation=st.sampled_from(Operation),
    scope=st.sampled_from(Scope),
    class_name=_texts,
    instance=_texts,
    environment=_environments,
)
_types = st.sampled_from(
    [("TypeDouble", "None"), ("TypeString", "IOResource"), ("TypeEnum", "Enum")]
    + [("TypeString", "Path"), ("TypeBool", "None"), ("TypeInt32", "None")]
)


@st.composite
def _parameters(draw: st.DrawFn, *, output: bool) -> tuple[MeasurementParameter, ...]:
    count = draw(st.integers(0, 3))
    made = []
    for number in range(1, count + 1):
        type_name, specialization = draw(_types)
        made.append(
            MeasurementParameter(
                name=draw(_names),
                type=type_name,
                id=draw(st.sampled_from([number, 40 + number])),
                value=draw(_texts),
                output=output,
                repeated=draw(st.booleans()),
                specialization=specialization,
                enum_values=draw(st.dictionaries(_identifiers, st.integers(0, 9), max_size=2)),
                log=draw(st.booleans()),
            )
        )
    return tuple(made)


_measurements = st.builds(
    lambda name, inputs, outputs, version: MeasurementCall(name, inputs + outputs, version),
    _names,
    _parameters(output=False),
    _parameters(output=True),
    st.sampled_from(["", "1.0.0"]),
)
_numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def _limits(draw: st.DrawFn) -> Limits:
    low, high = sorted((draw(_numbers), draw(_numbers)))
    return Limits(
        draw(st.sampled_from([low, None])),
        draw(st.sampled_from([high, None])),
        draw(st.none() | _numbers),
    )


@st.composite
def _limited_steps(draw: st.DrawFn) -> Step:
    """A step with limits of some of its outputs."""
    names = draw(st.lists(_names, min_size=1, max_size=3, unique=True))
    outputs = [
        MeasurementParameter(
            name, "TypeDouble", number, draw(_texts), output=True, repeated=draw(st.booleans())
        )
        for number, name in enumerate(names, start=2)
    ]
    sites = MeasurementParameter(SITES_OUTPUT, "TypeInt32", 1, output=True, repeated=True)
    limits = draw(
        st.dictionaries(
            st.sampled_from(names),
            st.builds(
                OutputLimits, _limits(), st.dictionaries(st.integers(0, 9), _limits(), max_size=2)
            ).filter(lambda one: one.can_fail),
            min_size=1,
        )
    )
    call = MeasurementCall(draw(_names), (sites, *outputs), limits=limits)
    return Step(draw(_names), call)


_flows = st.builds(
    StepFlow,
    precondition=_texts,
    mode=st.sampled_from(["Normal", "Skip"]),
    loop_type=st.sampled_from(["NoLooping", "CustomLoop"]),
    loop_while=_texts,
    status_expression=_texts,
    ignore_errors=st.booleans(),
    failure_fails_sequence=st.booleans(),
)
_steps = st.builds(
    Step,
    name=_names,
    call=st.one_of(
        _python_calls, _measurements, st.builds(PinMapUpdate, _texts), st.just(NoCall())
    ),
    flow=_flows,
)
_groups = st.lists(st.one_of(_steps, _limited_steps()), max_size=2).map(tuple)
_variables = st.dictionaries(
    _identifiers.filter(lambda name: name not in ("ResultList", "Limits")),
    st.one_of(
        st.booleans(), _texts, st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 99)
    ),
    max_size=3,
)


@st.composite
def sequence_files(draw: st.DrawFn) -> SequenceFile:
    sequence = Sequence(
        "MainSequence",
        draw(_groups),
        draw(_groups),
        draw(_groups),
        draw(_variables),
        draw(_variables),
    )
    return SequenceFile((with_ids(sequence),), {"Box": draw(_variables), **draw(_variables)})


@settings(max_examples=60, deadline=None)
@given(sequence_files())
def test_description_to_seq_to_description_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, content: SequenceFile
) -> None:
    path = tmp_path_factory.mktemp("seq") / "F.seq"
    text = description_text(content)
    write_sequence_file(path, parse_description(text))

    assert description_text(read_sequence_file(path)) == text


@settings(max_examples=60, deadline=None)
@given(sequence_files())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, content: SequenceFile
) -> None:
    path = tmp_path_factory.mktemp("seq") / "F.seq"
    write_sequence_file(path, content)

    assert read_sequence_file(path) == content


@settings(max_examples=30, deadline=None)
@given(sequence_files())
def test_every_array_has_as_many_elements_as_it_declares(
    tmp_path_factory: pytest.TempPathFactory, content: SequenceFile
) -> None:
    path = tmp_path_factory.mktemp("seq") / "F.seq"
    write_sequence_file(path, content)

    arrays = [node for node in read_property_file(path).data.walk() if node.upper_bound is not None]
    assert arrays
    assert all(node.upper_bound == len(node.elements) - 1 for node in arrays)


def test_a_character_that_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="XML cannot contain"):
        sequence_text(parse_description('[[main]]\nname = "a\\u0000"\n'))


def test_ids_are_unique_and_the_same_from_build_to_build() -> None:
    twice = "[[main]]\nname = 'a'\n[[main]]\nname = 'a'\n[[cleanup]]\nname = 'a'\n"

    first, second = (sequence_text(parse_description(twice)) for _ in range(2))

    assert first == second
    ids = [step.id for _, step in with_ids(parse_description(twice).sequences[0]).steps()]
    assert len(set(ids)) == 3


def test_another_step_before_it_leaves_the_id_of_a_step_as_it_was() -> None:
    alone = parse_description("[[main]]\nname = 'a'\n").sequences[0]
    behind = parse_description("[[main]]\nname = 'b'\n[[main]]\nname = 'a'\n").sequences[0]

    assert with_ids(alone).main[0].id == with_ids(behind).main[1].id


def test_a_file_starts_with_the_byte_order_mark_that_teststand_writes(tmp_path: Path) -> None:
    path = tmp_path / "F.seq"
    write_sequence_file(path, parse_description("[[main]]\nname = 'a'\n"))

    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf<?xml")
    assert b"\r" not in content
    assert etree.fromstring(content).get("type") == "SequenceFile"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"TOF1\0\0", "binary form. Save it in XML form"),
        (b"[Def, F.seq]", "INI form. Save it in XML form"),
        (b"<a/>", "not a TestStand file"),
        (b"<a", "not well-formed XML"),
        (b"", "not well-formed XML"),
        (
            b"<teststandfileheader xmlns='http://www.ni.com/TestStand/21.0.0/X' type='Types'/>",
            "of type Types",
        ),
        (
            b"<teststandfileheader xmlns='http://www.ni.com/TestStand/21.0.0/X'"
            b" type='SequenceFile'/>",
            "no <Data>",
        ),
    ],
)
def test_a_file_of_another_form_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "F.seq"
    path.write_bytes(content)

    with pytest.raises(SequenceFileError, match=message):
        read_sequence_file(path)


def test_a_file_cannot_read_other_files_by_entities(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("<secret>")
    path = tmp_path / "F.seq"
    write_sequence_file(path, parse_description("[[main]]\nname = 'a'\n"))
    text = path.read_text(encoding="utf-8-sig")
    declaration = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    head, _, rest = text.partition("\n")
    changed = rest.replace("RunState.LoopIndex = 0", "&e;")
    path.write_text(f"{head}\n{declaration}\n{changed}", encoding="utf-8")

    with pytest.raises(SequenceFileError, match="the entity &e; is not supported") as raised:
        read_sequence_file(path)
    assert "<secret>" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid TOML"),
        ("[[main]]\npin_map = 'a'", "This step has no name"),
        ("[[main]]\nname = 'a'\nmodule = 'm.py'", "a module, but no function"),
        ("[[main]]\nname = 'a'\nmodule = 'm'\npin_map = 'p'", "Give each step only one"),
        ("[[main]]\nname = 'a'\npinmap = 'p'", "pinmap is not a known key"),
        ("[[man]]\nname = 'a'", "man is not a known key"),
        ("[main]\nname = 'a'", r"write \[\[main\]\]"),
        (
            "[[main]]\nname = 'a'\nmeasurement = 'm'\ninputs = [{name = 'x', type = 'dbl'}]",
            "parameter x: give it a name and a type",
        ),
        (
            "[[main]]\nname = 'a'\nmeasurement = 'm'\n"
            "inputs = [{name = 'x', type = 'double', value = 6}]",
            "Write the expression as a string",
        ),
        (
            "[[main]]\nname = 'a'\nmodule = 'm'\nfunction = 'f'\noperation = 'cal'",
            "not one of create_class, call",
        ),
    ],
)
def test_a_wrong_description_is_refused_with_step_and_reason(text: str, message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        parse_description(text)


def test_a_description_holds_one_sequence() -> None:
    one = parse_description("[[main]]\nname = 'a'\n").sequences[0]
    two = SequenceFile((one, replace(one, name="Other")))

    with pytest.raises(UnsupportedError, match="one sequence"):
        description_text(two)


@pytest.mark.parametrize("at", ["<Data", "</subprops>", "<value>"])
def test_an_entity_between_elements_is_refused_with_its_line(tmp_path: Path, at: str) -> None:
    path = tmp_path / "F.seq"
    write_sequence_file(path, parse_description("[[main]]\nname = 'a'\n"))
    text = path.read_text(encoding="utf-8-sig")
    declared = text.replace(
        "<teststandfileheader", "<!DOCTYPE a [<!ENTITY e 'x'>]>\n<teststandfileheader", 1
    )
    path.write_text(declared.replace(at, f"&e;{at}", 1), encoding="utf-8")
    with pytest.raises(SequenceFileError, match=r"line \d+: the entity &e; is not supported"):
        read_sequence_file(path)

    path.write_text(text.replace(at, f"<?hint x?>{at}", 1), encoding="utf-8")
    assert read_sequence_file(path).sequences
