"""A form made of a measurement's metadata gives back what was written into it."""

from __future__ import annotations

import json
import math
import shlex
import struct
from typing import Any

import pytest
from google.protobuf import type_pb2
from hypothesis import given
from hypothesis import strategies as st
from measurement_console.measure.call_lines import MeasureCall, python_call, shell_line
from measurement_console.measure.field_texts import text_of, value_of
from measurement_console.measure.forms import (
    FieldKind,
    PinMapView,
    make_fields,
    read_form,
)
from plugin_kit.calling import EnumValue, Parameter, ParameterError, check_value, parse_text

F = type_pb2.Field
COLORS = {"RED": 2, "NONE": 0, "BLUE": 7, "3": 5, "a b": -1}

text = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))
doubles = st.floats(allow_nan=False)
colors = st.sampled_from([EnumValue(name, number) for name, number in COLORS.items()])
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_DOUBLE: doubles,
    F.TYPE_FLOAT: st.floats(width=32, allow_nan=False),
    F.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    F.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    F.TYPE_UINT32: st.integers(0, 2**32 - 1),
    F.TYPE_UINT64: st.integers(0, 2**64 - 1),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: text,
    F.TYPE_ENUM: colors,
}
tables = st.integers(0, 4).flatmap(
    lambda width: st.lists(st.lists(doubles, min_size=width, max_size=width), max_size=4)
)
text_tables = st.integers(0, 4).flatmap(
    lambda width: st.lists(st.lists(text, min_size=width, max_size=width), max_size=4)
)
XY = "ni.protobuf.types.DoubleXYData"
points = st.lists(doubles, max_size=4)
MESSAGES: dict[str, st.SearchStrategy[Any]] = {
    "ni.protobuf.types.Double2DArray": tables,
    "ni.protobuf.types.String2DArray": text_tables,
    XY: st.fixed_dictionaries({"x_data": points, "y_data": points}),
}


def make(kind: int, **changes: Any) -> Parameter:
    annotations = {"ni/enum.values": json.dumps(COLORS)} if kind == F.TYPE_ENUM else {}
    fields = {"name": "one", "field_number": 3, "type": kind, "annotations": annotations}
    return Parameter(**{**fields, **changes})


@st.composite
def parameters_with_values(draw: st.DrawFn) -> tuple[Parameter, Any]:
    if draw(st.booleans()):
        kind = draw(st.sampled_from(sorted(SCALARS)))
        repeated = draw(st.booleans())
        values = st.lists(SCALARS[kind], max_size=5) if repeated else SCALARS[kind]
        return make(kind, is_repeated=repeated), draw(values)
    message = draw(st.sampled_from(sorted(MESSAGES)))
    return make(F.TYPE_MESSAGE, message_type=message), draw(MESSAGES[message])


@given(parameters_with_values())
def test_a_value_written_into_a_field_is_read_back(pair: tuple[Parameter, Any]) -> None:
    parameter, value = pair
    check_value(parameter, value)
    read = value_of(parameter, text_of(parameter, value))
    assert read == value
    assert [type(one) for one in flat(read)] == [type(one) for one in flat(value)]


@given(parameters_with_values())
def test_a_form_that_is_submitted_unchanged_has_the_defaults(pair: tuple[Parameter, Any]) -> None:
    parameter, value = pair
    parameter = make(
        parameter.type,
        is_repeated=parameter.is_repeated,
        message_type=parameter.message_type,
        default=value,
    )
    (field,) = make_fields([parameter])
    texts = field.text.replace("\n", "\r\n")  # as browsers submit line ends
    reading = read_form([parameter], {field.key: [texts]})
    assert reading.errors == {}
    assert reading.values == {"one": value}


@given(parameters_with_values())
def test_the_python_call_has_the_same_values(pair: tuple[Parameter, Any]) -> None:
    parameter, value = pair
    called: list[Any] = []
    run_python(python_call(MeasureCall("a.B", {"one": value}, sites=(0, 2)), "h:1"), called)
    assert called == ["a.B", "h:1", {"one": value}, [0, 2]]
    check_value(parameter, called[2]["one"])


@given(parameters_with_values())
def test_the_shell_line_has_the_same_values(pair: tuple[Parameter, Any]) -> None:
    parameter, value = pair
    line = shell_line(MeasureCall("a.B", {"one": value}, "/p/P 1.pinmap", (0, 2)))
    if not line:  # a character that could steer a terminal
        assert not json.dumps(value, ensure_ascii=False).isprintable() or any(
            not str(one).isprintable() for one in flat(value)
        )
        return
    words = shlex.split(line)
    assert words[:4] == ["platform-sim", "measure", "a.B", "--set"]
    name, _, text = words[4].partition("=")
    assert words[5:] == ["--pin-map", "/p/P 1.pinmap", "--sites", "0,2"]
    read = parse_text(parameter, text)
    if parameter.type == F.TYPE_ENUM:
        numbers = [EnumValue, int]
        assert all(type(one) in (*numbers, str) for one in flat(read))
        check_value(parameter, read)
        assert [COLORS.get(one, one) for one in flat(read)] == [one.number for one in flat(value)]
    else:
        assert (name, read) == ("one", value)


@given(st.text(), st.text(), st.text())
def test_no_name_or_text_steers_a_terminal(name: str, value: str, service: str) -> None:
    line = shell_line(MeasureCall(service, {name: value}))
    assert line.isprintable()
    if line:
        words = shlex.split(line)
        assert words == ["platform-sim", "measure", service, "--set", f"{name}={value}"]
    assert python_call(MeasureCall(service, {name: value}), "h:1").replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (F.TYPE_DOUBLE, "1,5", "'1,5' is not a number. Write it like 1.5 or 2e-3."),
        (F.TYPE_DOUBLE, "", "'' is not a number"),
        (F.TYPE_INT32, "1.5", "'1.5' is not a whole number"),
        (F.TYPE_INT32, "3000000000", "3000000000 does not fit int32"),
        (F.TYPE_UINT32, "-1", "does not fit uint32"),
        (F.TYPE_BOOL, "maybe", "true or false"),
        (F.TYPE_ENUM, "GREEN", "it must be one of RED (2), NONE (0)"),
        (F.TYPE_STRING, "\ud800", "does not fit string"),
    ],
)
def test_an_error_says_what_to_write(kind: int, text: str, said: str) -> None:
    parameter = make(kind)
    reading = read_form([parameter], {"p3": [text]})
    assert reading.values == {}
    assert said in reading.errors["p3"]
    with pytest.raises(ParameterError):
        value_of(parameter, text)


def test_an_error_of_a_list_names_the_line() -> None:
    reading = read_form([make(F.TYPE_DOUBLE, is_repeated=True)], {"p3": ["1\n2\nx\n"]})
    assert reading.errors == {"p3": "'x' is not a number. Write it like 1.5 or 2e-3."}


@given(st.sampled_from(sorted({*SCALARS, F.TYPE_MESSAGE})), st.booleans(), st.text())
def test_no_submitted_text_makes_another_error(kind: int, repeated: bool, text: str) -> None:
    message = XY if kind == F.TYPE_MESSAGE else ""
    parameter = make(kind, is_repeated=repeated, message_type=message)
    reading = read_form([parameter], {"p3": [text]})
    assert len(reading.values) + len(reading.errors) <= 1
    make_fields([parameter], submitted={"p3": [text]}, errors=reading.errors)


@pytest.mark.parametrize("text", ["[" * 100_000, "[[1,2],[3]]", "{}", '{"x_data": "no"}', "[1]"])
@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_wrong_json_of_a_message_is_an_error_of_its_field(message: str, text: str) -> None:
    parameter = make(F.TYPE_MESSAGE, message_type=message)
    reading = read_form([parameter], {"p3": [text]})
    assert len(reading.values) + len(reading.errors) == 1


def pin_parameter(**changes: Any) -> Parameter:
    annotations = {
        "ni/type_specialization": "ioresource",
        "ni/ioresource.instrument_type": "niDMM",
    }
    return make(F.TYPE_STRING, annotations=annotations, **changes)


VIEW = PinMapView("P.pinmap", (0, 1), {"niDMM": ["Pin1", "Pin,2", 'P"3\n']})


def test_a_pin_is_one_of_the_pins_that_fit() -> None:
    (field,) = make_fields([pin_parameter(default="Pin1")], VIEW)
    assert field.kind is FieldKind.CHOICE
    assert [(one.label, one.is_chosen) for one in field.choices] == [
        ("Pin1", True),
        ("Pin,2", False),
        ('P"3\n', False),
    ]


def test_a_default_that_is_no_fitting_pin_is_shown_as_such() -> None:
    (field,) = make_fields([pin_parameter(default="Old")], VIEW)
    assert field.choices[0].label == "Old (no fitting pin of this pin map)"
    assert field.choices[0].is_chosen


def test_pins_of_a_list_are_chosen_each() -> None:
    parameter = pin_parameter(default=["Pin1", 'P"3\n'], is_repeated=True)
    (field,) = make_fields([parameter], VIEW)
    assert field.kind is FieldKind.CHOICES
    chosen = [one.value for one in field.choices if one.is_chosen]
    assert read_form([parameter], {field.key: ["", *chosen]}).values == {"one": ["Pin1", 'P"3\n']}
    assert read_form([parameter], {field.key: [""]}).values == {"one": []}


@pytest.mark.parametrize("view", [PinMapView(), PinMapView("P", (0,), {"niScope": ["A"]})])
def test_without_fitting_pins_a_pin_is_a_text(view: PinMapView) -> None:
    (field,) = make_fields([pin_parameter(default="Pin1")], view)
    assert (field.kind, field.text) == (FieldKind.TEXT, "Pin1")
    assert "niDMM" in field.hint


def test_a_switch_that_is_off_submits_off_alone() -> None:
    parameter = make(F.TYPE_BOOL, default=True)
    assert read_form([parameter], {"p3": ["off"]}).values == {"one": False}
    assert read_form([parameter], {"p3": ["off", "on"]}).values == {"one": True}


def test_what_the_form_does_not_have_keeps_its_default() -> None:
    parameters = [make(F.TYPE_DOUBLE), make(F.TYPE_MESSAGE, message_type=XY)]
    assert read_form(parameters, {}).values == {}
    assert read_form(parameters[1:], {"p3": [" "]}).values == {}


def test_nan_is_written_and_read() -> None:
    parameter = make(F.TYPE_DOUBLE, is_repeated=True)
    value = value_of(parameter, text_of(parameter, [math.nan, math.inf]))
    assert str(value) == "[nan, inf]"
    called: list[Any] = []
    run_python(python_call(MeasureCall("a.B", {"one": value}, "/p.pinmap"), "h:1"), called)
    assert str(called[2]) == "{'one': [nan, inf]}"


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for inside in value.values() for one in flat(inside)]
    return [one for inside in value for one in flat(inside)] if isinstance(value, list) else [value]


def run_python(program: str, called: list[Any]) -> None:
    """Run a copied program with stand-ins for its two classes, and note what it calls."""

    class Plugin:
        @classmethod
        def resolve(cls, service_class: str, *, discovery_address: str) -> Plugin:
            called.extend([service_class, discovery_address])
            return cls()

        def __init__(self, *arguments: object) -> None:
            pass

        def __enter__(self) -> Plugin:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def load_pin_map(self, file: object) -> str:
            return str(file)

        def measure(self, values: Any, *, pin_map_id: str = "", sites: Any) -> dict[str, object]:
            called.extend([values, sites])
            return {}

    lines = [line for line in program.splitlines() if not line.startswith("from plugin_kit")]
    exec("\n".join(lines), {"MeasurementPlugin": Plugin, "PlatformClient": Plugin})


def test_a_32_bit_number_is_shown_as_it_was_written() -> None:
    value = struct.unpack("f", struct.pack("f", 0.1))[0]
    assert text_of(make(F.TYPE_FLOAT), value).startswith("0.1")
    assert text_of(make(F.TYPE_DOUBLE), 10.0) == "10"
