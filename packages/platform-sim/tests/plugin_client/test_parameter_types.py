"""Every parameter type of the SDK, from metadata through the wire and back."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import pytest
from platform_sim.errors import ParameterError


@pytest.fixture
def echo(resolve):
    return resolve("Echo")


DEFAULTS = {
    "i32": -3,
    "i64": -(2**40),
    "u32": 2**32 - 1,
    "u64": 2**63,
    "single": 0.5,
    "double": 0.1,
    "flag": True,
    "text": "hällo",
    "path": "/tmp/x",
    "resource": "Pin1",
    "color": 7,
    "idle": 0,
    "i32s": [1, -2],
    "u64s": [2**63, 0],
    "doubles": [0.25, -1.5],
    "flags": [True, False],
    "texts": ["a", "b,c"],
    "paths": ["/a", "/b"],
    "resources": ["Pin1", "Pin2"],
    "colors": [0, 2],
}


def result(plugin, values=None):
    (outputs,) = plugin.measure(values)
    return outputs


def test_metadata_tells_names_types_and_defaults(echo):
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


def test_metadata_tells_specialisations_and_enum_values(echo):
    parameters = {one.name: one for one in echo.metadata.parameters}
    assert parameters["color"].enum_values == {"RED": 2, "NONE": 0, "BLUE": 7}
    assert parameters["resource"].specialisation == "ioresource"
    assert parameters["resource"].annotations["ni/ioresource.instrument_type"] == "niDMM"


def test_without_values_the_defaults_are_measured_with(echo):
    outputs = result(echo)
    assert {name: outputs[name] for name in DEFAULTS} == DEFAULTS


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
    "color": 0,
    "idle": 2,
    "i32s": [],
    "u64s": [2**64 - 1],
    "doubles": [0.0],
    "flags": [False, False],
    "texts": [""],
    "paths": [],
    "resources": ["X"],
    "colors": [7],
}


def test_values_replace_defaults_also_by_zero_and_by_nothing(echo):
    outputs = result(echo, CHANGED)
    assert {name: outputs[name] for name in CHANGED} == CHANGED


class Mine(Enum):
    ANY = 2


@pytest.mark.parametrize("value", ["RED", 2, Mine.ANY])
def test_enums_are_given_by_name_number_or_member_and_come_with_both(echo, value):
    outputs = result(echo, {"color": value, "colors": [value, "NONE"]})
    assert outputs["color"] == 2
    assert outputs["color"].name == "RED"
    assert [one.name for one in outputs["colors"]] == ["RED", "NONE"]


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
def test_a_value_that_does_not_fit_is_told_before_measuring(echo, name, value, told):
    with pytest.raises(ParameterError) as raised:
        echo.measure({name: value})
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
def test_text_that_does_not_fit_is_told(echo, name, text):
    with pytest.raises(ParameterError, match=name):
        echo.parse({name: text})
