"""Arrow, pandas, Polars and read_log agree value by value, whatever the records have."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_client.records import (
    LogRecord,
    read_log,
    sources,
    to_arrow,
    to_pandas,
    to_polars,
)
from log_files import write_log

Cells = dict[str, list[Any]]

keys = st.sampled_from(["v", "V", "a.b", "a", "b", "\\", "", "ä"])
numbers = st.one_of(
    st.integers(-(1 << 63), (1 << 64) - 1), st.integers(-3, 3), st.floats(), st.just(1e22)
)
texts = st.text(max_size=5) | st.sampled_from(["0010", "NaN", "true", "2026-01-31T12:00:00Z"])
times = st.datetimes(timezones=st.just(timezone.utc))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, times)
same_kind = st.one_of(
    *(st.lists(kind | st.none(), max_size=3) for kind in (st.booleans(), numbers, texts, times))
)
anything = st.recursive(
    scalars | same_kind,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
uniform = st.one_of(st.integers(-5, 5), st.floats(), st.booleans())
records = st.lists(
    st.tuples(
        st.sampled_from(["leak", "0010", "Leak"]),
        st.dictionaries(keys, scalars | anything, max_size=3),
        st.dictionaries(keys, anything | uniform, max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "a.ndjson"


@settings(deadline=None, max_examples=300)
@given(records=records, chunk=st.sampled_from([1 << 20, 300]))
def test_every_cell_is_the_value_of_its_record(
    path: Path, records: list[tuple[str, dict[str, Any], dict[str, Any]]], chunk: int
) -> None:
    """With a small chunk, almost every record can change the columns of the rows before."""
    write_log(path, *records)
    with mock.patch.object(sources, "_CHUNK", chunk):
        compare(path)


def compare(path: Path) -> None:
    expected: dict[str, list[LogRecord]] = {}
    for record in read_log(path):
        expected.setdefault(record.measurement_name, []).append(record)
    tables = (
        {name: table.to_pydict() for name, table in to_arrow(path).items()},
        {name: frame.to_dict(as_series=False) for name, frame in to_polars(path).items()},
        {name: cells_of(frame) for name, frame in to_pandas(path).items()},
    )
    for table in tables:
        assert list(table) == list(expected)
        for name, cells in table.items():
            check(cells, expected[name])


def cells_of(frame: pandas.DataFrame) -> Cells:
    """Return the cells of a pandas frame; None for a missing value."""
    cells = {}
    for name in frame:
        column = frame[name]
        if column.dtype == "float64":
            cells[name] = column.tolist()
            continue
        cells[name] = [plain(value) for value in column]
    return cells


def plain(value: Any) -> Any:
    if isinstance(value, pandas.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, numpy.bool_):
        return bool(value)
    return None if value is pandas.NA or value is pandas.NaT else value


def check(cells: Cells, records: list[LogRecord]) -> None:
    assert [*cells["seq"]] == [record.seq for record in records]
    assert [*cells["timestamp"]] == [record.timestamp for record in records]
    for row, record in enumerate(records):
        leaves = {
            **leaves_of("configurations", record.measurement_configurations),
            **leaves_of("outputs", record.measurement_outputs),
        }
        assert {name for name, value in leaves.items() if value is not None} <= cells.keys()
        for name in cells:
            if name.startswith(("configurations", "outputs")):
                cell, value = cells[name][row], leaves.get(name)
                assert is_same(cell, value), (name, cell, value)


def leaves_of(path: str, value: Any) -> dict[str, Any]:
    """Return the values in an object by the names of their columns."""
    if not isinstance(value, dict) or (not value and "." in path):
        return {path: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= leaves_of(
            f"{path}.{key.replace(chr(92), chr(92) * 2).replace('.', chr(92) + '.')}", item
        )
    return found


def is_same(cell: Any, value: Any) -> bool:
    """Return whether a cell has a value: as it is, or in the documented form of its column."""
    if isinstance(cell, str):
        return cell == written(value) or same_json(cell, written(value))
    if isinstance(cell, list):
        return (
            isinstance(value, list) and len(cell) == len(value) and all(map(is_same, cell, value))
        )
    if isinstance(cell, float):
        missing_in_pandas = value is None and math.isnan(cell)
        both_nan = isinstance(value, float) and math.isnan(value) and math.isnan(cell)
        return missing_in_pandas or both_nan or (cell == value and not isinstance(value, bool))
    return bool(cell == value) and isinstance(cell, bool) == isinstance(value, bool)


def same_json(cell: str, value: Any) -> bool:
    try:
        return json.dumps(json.loads(cell)) == json.dumps(value)
    except ValueError:
        return False


def written(value: Any) -> Any:
    """Return a value as it is written in the log."""
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [*map(written, value)]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
