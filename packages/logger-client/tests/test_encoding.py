"""Plain Python values come back as JSON values, or are refused; no line is forged or broken."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import sys
import tracemalloc
from collections import namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_logger_client.encoding import encode_record
from session_sharing import InvalidArgumentError


class Grade(enum.Enum):
    PASS = "pass"


class Bin(enum.IntEnum):
    GOOD = 1


@dataclasses.dataclass
class Limits:
    low: float
    high: float


Pair = namedtuple("Pair", "x y")


def read_back(value: object) -> Any:
    """Encode a value and read it as a strict reader does."""
    line = encode_record("m", {}, {"value": value}, shortest_waveform=sys.maxsize).line
    assert b"\n" not in line and b"\r" not in line
    record = json.loads(line, parse_constant=pytest.fail)
    assert set(record) == {
        "timestamp",
        "measurement_name",
        "measurement_configurations",
        "measurement_outputs",
    }
    return record["measurement_outputs"]["value"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (True, True),
        (None, None),
        (1.5e-300, 1.5e-300),
        ('ä\n\r\t\x00\x1f\u2028\U0001f600"\\', 'ä\n\r\t\x00\x1f\u2028\U0001f600"\\'),
        ("null", "null"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ([1.0, float("-inf"), None, 2], [1.0, "-Infinity", None, 2]),
        ([1e308, 1e308, 1e308], [1e308, 1e308, 1e308]),
        ([float("inf"), float("-inf")], ["Infinity", "-Infinity"]),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        ({"a": {"b": [float("nan")]}}, {"a": {"b": ["NaN"]}}),
        ({1: "a", 2.5: "b", False: "c"}, {"1": "a", "2.5": "b", "false": "c"}),
        ({Grade.PASS: Bin.GOOD}, {"pass": 1}),
        (Grade.PASS, "pass"),
        (Bin.GOOD, 1),
        (Limits(0.0, float("inf")), {"low": 0.0, "high": "Infinity"}),
        (Pair(1, 2), [1, 2]),
        (date(2026, 1, 2), "2026-01-02"),
        (time(12, 30), "12:30:00"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00Z"),
        (np.float64(2.5), 2.5),
        (np.float32("nan"), "NaN"),
        (np.int8(-3), -3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(3.5), 3.5),
        (np.array([], dtype=float), []),
        (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
        (np.arange(6, dtype=float).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
        (np.arange(10)[::3], [0, 3, 6, 9]),
        (np.array([1, 2], dtype=">i4"), [1, 2]),
        (np.array([1.5, 2], dtype=">f8"), [1.5, 2]),
        (np.array([0.5, 1], dtype=np.float16), [0.5, 1]),
        (np.array([0.5, 1], dtype=np.longdouble), [0.5, 1]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1, "x", None, 2.5], dtype=object), [1, "x", None, 2.5]),
        (np.array(["2026-01-02T03:04:05"], dtype="M8[ns]"), ["2026-01-02T03:04:05"]),
        (np.array([[1, np.nan], [np.inf, -np.inf]]), [[1, "NaN"], ["Infinity", "-Infinity"]]),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (Decimal("0.10"), 0.1),
        (Decimal("1E-12"), 1e-12),
        (Decimal("-1234567890123456789012"), -1234567890123456789012),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("1E+400"), "1E+400"),
        ({Decimal("0.5"): 1}, {"0.5": 1}),
        (PurePosixPath("a/b.csv"), "a/b.csv"),
        ({"nested": [Decimal(2), PurePosixPath("x")]}, {"nested": [2, "x"]}),
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
    ],
)
def test_a_value_comes_back(value: object, expected: object) -> None:
    found = read_back(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        {"\udfff": 1},
        b"bytes",
        1 + 2j,
        2**64,
        -(2**63) - 1,
        object(),
        {None: 1},
        {1: "a", "1": "b"},
        {(1, 2): 3},
        {1, "a"},
        np.array([1], dtype="m8[s]"),
        lambda: None,
    ],
)
def test_a_value_that_json_does_not_have_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="'m' has a value"):
        read_back(value)


def test_endless_nesting_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    deep: object = 1
    for _ in range(300):
        deep = {"a": deep}
    for value in (endless, deep):
        with pytest.raises(InvalidArgumentError):
            read_back(value)


def test_a_decimal_keeps_all_its_digits() -> None:
    line = encode_record("m", {}, {"value": Decimal("0.1000000000000000055511151231257827")}).line
    assert b'"value":0.1000000000000000055511151231257827' in line


@pytest.mark.parametrize(
    "wrong",
    [
        {"measurement_name": 5},
        {"configurations": ["a"]},
        {"outputs": None},
        {"timestamp": "2026-01-01"},
    ],
)
def test_an_argument_of_a_wrong_type_is_named(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"measurement_name": "m", "configurations": {}, "outputs": {}}
    (name,) = wrong
    with pytest.raises(InvalidArgumentError, match=f"(measurement_)?{name}.* must be"):
        encode_record(**arguments | wrong)


@pytest.mark.parametrize("values", [None, [1], "text", 3])
def test_values_must_come_by_name(values: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="by name"):
        encode_record("m", {}, values)
    with pytest.raises(InvalidArgumentError, match="by name"):
        encode_record("m", values, {})


def test_the_name_must_be_text() -> None:
    with pytest.raises(InvalidArgumentError, match="name"):
        encode_record(None, {}, {})  # type: ignore[arg-type]


def test_times_are_utc_with_microseconds() -> None:
    moment = datetime(2026, 1, 1, 12, 0, 0, 123, tzinfo=timezone(timedelta(hours=-5)))
    assert json.loads(encode_record("m", {}, {}, moment).line)["timestamp"] == (
        "2026-01-01T17:00:00.000123Z"
    )
    with pytest.raises(InvalidArgumentError, match="out of range"):
        encode_record("m", {}, {}, datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))))


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text()
    | st.sampled_from(["null", "\ud800", "\n", "\x00"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def as_read(value: Any) -> Any:
    """Return the value that comes back according to the documentation."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, list):
        return [as_read(item) for item in value]
    if isinstance(value, dict):
        return {key: as_read(item) for key, item in value.items()}
    return value


def has_surrogates(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


@given(values)
def test_any_value_comes_back_or_is_refused(value: Any) -> None:
    try:
        found = read_back(value)
    except InvalidArgumentError:
        assert has_surrogates(value)
    else:
        assert found == as_read(value)


def test_an_array_of_a_million_doubles_never_becomes_a_python_list() -> None:
    waveform = np.random.default_rng(1).normal(size=1_000_000)
    tracemalloc.start()
    record = encode_record("scope", {}, {"waveform": waveform}, shortest_waveform=sys.maxsize)
    line = record.line
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # A list of a million floats alone would take 32 MB; encoded, they are about 20 MB, twice, and
    # the buffer that grows around them is up to twice as large.
    assert len(line) > 15_000_000
    assert peak < 3.6 * len(line), f"{peak} bytes at the peak for a line of {len(line)}"
    found = json.loads(line)["measurement_outputs"]["waveform"]
    assert np.array_equal(found, waveform)


class Unlistable(np.ndarray):
    """An array that raises an error if it is converted to a Python list."""

    def tolist(self) -> Any:
        pytest.fail("became a list")

    __iter__ = tolist


def test_a_waveform_with_outliers_never_becomes_a_python_list_either() -> None:
    waveform = np.arange(100_000, dtype=float)
    waveform[1::10_000] = np.nan
    waveform[2::10_000] = -np.inf
    found = read_back(waveform.view(Unlistable))
    assert found[:4] == [0.0, "NaN", "-Infinity", 3.0]
    assert found.count("NaN") == found.count("-Infinity") == 10
