"""Every parameter type of the SDK, from metadata through the wire and back."""

from __future__ import annotations

import copy
import json
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from plugin_kit import ParameterError


@pytest.fixture
def echo(resolve):
    return resolve("Echo")


DEFAULTS = {
    "i32": -3,
    "i64": -(2**40),
    "u32": 2**32 - 1,
    "u64": 2**63,
    "single": 0.1,
    "double": 0.1,
    "flag": True,
    "text": "hällo",
    "path": "/tmp/x",
    "resource": "Pin1",
    "color": "BLUE",
    "idle": "NONE",
    "i32s": [1, -2],
    "u64s": [2**63, 0],
    "singles": [0.1, -2.5],
    "doubles": [0.25, -1.5],
    "flags": [True, False],
    "texts": ["a", "b,c"],
    "paths": ["/a", "/b"],
    "resources": ["Pin1", "Pin2"],
    "colors": ["NONE", "RED"],
}


def result(plugin, values=None):
    (outputs,) = plugin.stream(values)
    return outputs


def test_metadata_has_names_types_and_defaults(echo):
    metadata = echo.metadata
    assert (metadata.display_name, metadata.version) == ("Echo", "2.1.0")
    assert {one.name: one.default for one in metadata.parameters} == DEFAULTS
    assert metadata.ui_file_urls[0].startswith("file://")
    types = {one.name: one.type_name for one in (*metadata.parameters, *metadata.outputs)}
    assert types["i64"] == "int64"
    assert types["doubles"] == "double[]"
    assert types["path"] == "string (path)"
    assert types["resources"] == "string (ioresource)[]"
    assert types["colors"] == "enum[]"
    assert types["XY List"] == "ni.protobuf.types.DoubleXYData[]"


def test_metadata_has_specialisations_and_enum_values(echo):
    parameters = {one.name: one for one in echo.metadata.parameters}
    assert parameters["color"].enum_values == {"RED": 2, "NONE": 0, "BLUE": 7}
    assert parameters["resource"].specialisation == "ioresource"
    assert parameters["resource"].annotations["ni/ioresource.instrument_type"] == "niDMM"


def test_without_values_the_defaults_are_measured_with(echo):
    outputs = result(echo)
    assert outputs["singles"] == pytest.approx(DEFAULTS["singles"])  # long arrays stay as they come
    assert {name: outputs[name] for name in DEFAULTS} == DEFAULTS | {"singles": outputs["singles"]}


def test_messages_come_as_plain_python(echo):
    outputs = result(echo)
    xy = {"x_data": [0.0, 1.0], "y_data": [0.25, -1.5]}
    assert outputs["XY Data"] == xy
    assert outputs["XY List"] == [xy, xy]
    assert outputs["Grid"] == [[1, 2, 3], [4, 5, 6]]
    assert outputs["Words"] == [["a", "b"]]
    assert outputs["Nothing"] is None


CHANGED = {
    "i32": 2**31 - 1,
    "i64": 5,
    "u32": 0,
    "u64": 2**64 - 1,
    "single": -0.25,
    "double": 1e300,
    "flag": False,
    "text": "",
    "path": "/other",
    "resource": "Other",
    "color": "NONE",
    "idle": "RED",
    "i32s": [],
    "u64s": [2**64 - 1],
    "singles": [0.5],
    "doubles": [0.0],
    "flags": [False, False],
    "texts": [""],
    "paths": [],
    "resources": ["X"],
    "colors": ["BLUE"],
}


def test_values_replace_defaults_also_by_zero_and_by_nothing(echo):
    outputs = result(echo, CHANGED)
    assert {name: outputs[name] for name in CHANGED} == CHANGED


class Mine(Enum):
    ANY = 2


@pytest.mark.parametrize("value", ["RED", 2, Mine.ANY])
def test_enums_are_given_by_name_number_or_member_and_come_by_name(echo, value):
    outputs = result(echo, {"color": value, "colors": [value, "NONE"]})
    assert outputs["color"] == "RED"
    assert str(outputs["color"]) == "RED"
    assert outputs["color"].number == 2
    assert outputs["colors"] == ["RED", "NONE"]
    assert copy.deepcopy(outputs["color"]).number == 2
    assert json.dumps(outputs["colors"]) == '["RED", "NONE"]'


def test_outputs_can_be_used_as_parameters(echo):
    outputs = result(echo)
    again = result(echo, {name: outputs[name] for name in DEFAULTS})
    assert {name: again[name] for name in DEFAULTS} == {name: outputs[name] for name in DEFAULTS}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("i32", np.int64(-5), -5),
        ("u64", np.uint64(2**63), 2**63),
        ("single", np.float32(0.1), 0.1),
        ("double", np.float32(0.5), 0.5),
        ("flag", np.bool_(False), False),
        ("text", np.str_("a"), "a"),
        ("color", np.int32(2), "RED"),
        ("i32s", np.array([1, 2], dtype=np.int16), [1, 2]),
        ("doubles", np.linspace(0.0, 1.0, 3), [0.0, 0.5, 1.0]),
        ("doubles", [np.float32(0.5), np.int8(2), 3.0], [0.5, 2.0, 3.0]),
        ("flags", np.array([True, False]), [True, False]),
        ("colors", np.array([0, 7]), ["NONE", "BLUE"]),
    ],
)
def test_values_of_numpy_are_taken(echo, name, value, expected):
    assert result(echo, {name: value})[name] == expected


def test_paths_may_be_path_objects(echo):
    outputs = result(echo, {"path": Path("a") / "b", "paths": [Path("c")]})
    assert (outputs["path"], outputs["paths"]) == (str(Path("a/b")), ["c"])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("typo", 1, "there are: i32, i64"),
        ("i32", 2**31, "does not fit int32"),
        ("i32", "text", "does not fit int32"),
        ("u32", -1, "does not fit uint32"),
        ("flag", 1, "True or False"),
        ("color", "GREEN", "one of RED (2), NONE (0), BLUE (7)"),
        ("color", 1, "one of RED"),
        ("doubles", 1.0, "a list is needed"),
        ("doubles", ["x"], "does not fit double[]"),
        ("texts", "abc", "a list is needed"),
        ("texts", [1], "does not fit string[]"),
    ],
)
def test_a_value_that_does_not_fit_is_reported_before_measuring(echo, name, value, told):
    with pytest.raises(ParameterError) as raised:
        echo.stream({name: value})
    assert told in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("i32", "-12", -12),
        ("u64", "0x10", 16),
        ("double", "1e-3", 0.001),
        ("flag", "off", False),
        ("flag", "True", True),
        ("text", "a,b", "a,b"),
        ("color", "RED", "RED"),
        ("color", "7", 7),
        ("doubles", "1, 2.5", [1.0, 2.5]),
        ("doubles", "[1, 2.5]", [1.0, 2.5]),
        ("doubles", "", []),
        ("texts", '["a,b", "c"]', ["a,b", "c"]),
        ("resources", "Pin1,Pin2", ["Pin1", "Pin2"]),
        ("colors", "RED,0", ["RED", 0]),
        ("flags", "true,false", [True, False]),
    ],
)
def test_text_is_read_by_the_parameters_type(echo, name, text, value):
    assert echo.parse({name: text}) == {name: value}
    assert result(echo, echo.parse({name: text}))[name] is not None


@pytest.mark.parametrize(
    ("name", "text"), [("i32", "1.5"), ("double", "abc"), ("flag", "maybe"), ("doubles", "[1,")]
)
def test_text_that_does_not_fit_is_reported(echo, name, text):
    with pytest.raises(ParameterError, match=name):
        echo.parse({name: text})
