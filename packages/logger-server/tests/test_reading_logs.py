"""The examples of docs/reading-logs.md run, and every reader returns the logged values."""

from __future__ import annotations

import json
import math
import re
import uuid
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logger_process import LoggerProcess, records_in

PAGE = Path(__file__).parents[3] / "docs" / "reading-logs.md"
EXAMPLES = re.findall(
    r"^## (\w+)\n\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("library", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_of_the_page_runs(
    logger: LoggerProcess,
    library: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = logger.folder / library
    folder.mkdir()
    with logger.client(f"{library}/measurements.ndjson") as log:
        log.log_data("leakage", {"voltage": 3.3}, {"current": [1.25e-9, 1.5e-9]})
        log.log_data("leakage", {"voltage": 1.8}, {"current": [1.75e-9]})
    monkeypatch.chdir(folder)

    exec(compile(code, library, "exec"), {})

    said = capsys.readouterr().out
    assert "leakage" in said or "1.7500e-9" in said


@pytest.mark.parametrize(("library", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_of_the_page_reads_a_log_of_the_field(
    logger: LoggerProcess,
    library: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Fractions after integers, late outputs, one name in two shapes, numbers as names."""
    folder = logger.folder / f"{library} in the field"
    folder.mkdir()
    with logger.client(f"{folder.name}/measurements.ndjson") as log, log.stream() as stream:
        for _ in range(25_000):
            stream.log("leakage", {"voltage": 3}, {"current": [7]})
        stream.log("leakage", {"voltage": 3.3}, {"current": [7.4375]})
        stream.log("0010", {"Range": 10, "range": "auto"}, {"current": "PASS"})
    monkeypatch.chdir(folder)

    names: dict[str, Any] = {}
    exec(compile(code, library, "exec"), names)

    said = capsys.readouterr().out
    if library == "Polars":
        assert names["currents"]["current"].to_list()[-2:] == [7.0, 7.4375]
    elif library == "pandas":
        assert names["flat"]["measurement_name"].iloc[-1] == "0010"
        assert names["flat"]["measurement_configurations.voltage"].iloc[-2] == 3.3
    else:
        assert "7.4375" in said and "0010" in said


def test_the_page_shows_all_three() -> None:
    assert [name for name, _ in EXAMPLES] == ["DuckDB", "Polars", "pandas"]


numbers = st.floats(allow_nan=False, allow_infinity=False)
odd_texts = ["", "null", "\x00", "\n\r\t\x1f", '"}\n{"', "\u2028", "\U0001f600"]
texts = st.text() | st.sampled_from(odd_texts)
arrays = st.lists(numbers, max_size=3)
rows = st.lists(
    st.fixed_dictionaries({"number": numbers, "text": texts, "array": arrays}),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_json_duckdb_and_polars_read_the_logged_records(
    logger: LoggerProcess, rows: list[dict[str, Any]]
) -> None:
    name = f"{uuid.uuid4().hex}.ndjson"
    with logger.client(name) as log:
        for row in rows:
            log.log_data("m", {}, row)
    path = logger.folder / name

    assert [record["measurement_outputs"] for record in records_in(path)] == rows
    columns = "{measurement_outputs: 'STRUCT(number DOUBLE, text VARCHAR, \"array\" DOUBLE[])'}"
    query = f"SELECT measurement_outputs FROM read_json('{path}', columns = {columns})"
    assert [row for (row,) in duckdb.sql(query).fetchall()] == rows
    schema = {
        "measurement_outputs": pl.Struct(
            {"number": pl.Float64, "text": pl.String, "array": pl.List(pl.Float64)}
        )
    }
    found = pl.read_ndjson(path, schema=schema)["measurement_outputs"].to_list()
    assert found == rows
    path.unlink()


def test_nan_and_infinities_come_back_as_the_texts_that_are_documented(
    logger: LoggerProcess,
) -> None:
    with logger.client("nan.ndjson") as log:
        log.log_data("m", {}, {"values": [1.5, math.nan, math.inf, -math.inf]})
    path = logger.folder / "nan.ndjson"
    expected = [1.5, "NaN", "Infinity", "-Infinity"]
    assert records_in(path)[0]["measurement_outputs"]["values"] == expected
    as_json = duckdb.sql(f"""
        SELECT measurement_outputs->'values'
        FROM read_json('{path}', columns = {{measurement_outputs: 'JSON'}})
    """).fetchall()[0][0]
    assert json.loads(as_json) == expected
    numbers = duckdb.sql(f"""
        SELECT measurement_outputs.values::DOUBLE[]
        FROM read_json('{path}', columns = {{measurement_outputs: 'STRUCT(values VARCHAR[])'}})
    """).fetchall()[0][0]
    assert numbers[0] == 1.5 and math.isnan(numbers[1]) and numbers[2:] == [math.inf, -math.inf]
