"""The examples of docs/reading-logs.md run, and every reader returns the logged values."""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_client.records import read_log, to_arrow, to_pandas, to_polars
from json_logger_server.cli import main
from logger_process import LoggerProcess, records_in

PAGE = (Path(__file__).parents[3] / "docs" / "reading-logs.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^##+ ([\w ]+)\n(?:(?!\n#).)*?```python\n(.*?)```", PAGE, re.M | re.S)
COMMANDS = re.findall(r"^json-logger export .*", PAGE, re.M)

WHOLE = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
"""A full second, which is written without a fraction."""

example = pytest.mark.parametrize(
    ("title", "code"), EXAMPLES, ids=[title.replace(" ", "-") for title, _ in EXAMPLES]
)


def log_of_the_field(logger: LoggerProcess, name: str) -> Path:
    """Log what goes wrong elsewhere; return the folder of the log.

    Fractions after integers, late outputs, lists beside numbers, a boolean after numbers, names
    with leading zeros, keys that differ in case, NaN, and numbers with all digits.
    """
    folder = logger.folder / f"{name} {uuid.uuid4().hex[:8]}"
    folder.mkdir()
    with logger.client(f"{folder.name}/measurements.ndjson") as log, log.stream() as stream:
        for _ in range(25_000):
            stream.log("leakage", {"voltage": 3}, {"current": [7]})
        stream.log("leakage", {"voltage": 3.3}, {"current": [7.4375, 0.1 + 0.2]})
        stream.log("leakage", {"voltage": 1.8, "late": 1}, {"current": [math.nan]})
        stream.log("0010", {"Range": 10, "range": "auto"}, {"current": "PASS", "flag": 1}, WHOLE)
        stream.log("0010", {"Range": (1 << 53) + 1}, {"current": 0.1, "flag": True})
    return folder


def run(code: str, title: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, title, "exec"), names)
    return names


@example
def test_an_example_of_the_page_runs(
    logger: LoggerProcess,
    title: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = logger.folder / title
    folder.mkdir()
    with logger.client(f"{title}/measurements.ndjson") as log:
        log.log_data("leakage", {"voltage": 3.3}, {"current": [1.25e-9, 1.5e-9]})
        log.log_data("leakage", {"voltage": 1.8}, {"current": [1.75e-9]})
    monkeypatch.chdir(folder)

    names = run(code, title)

    said = capsys.readouterr().out
    if title == "Tables in Python":
        assert names["leakage"]["outputs.current"].tolist() == [[1.25e-9, 1.5e-9], [1.75e-9]]
    else:
        assert "leakage" in said or re.search(r"1\.750*e-0?9", said)


@example
def test_an_example_of_the_page_reads_a_log_of_the_field(
    logger: LoggerProcess,
    title: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(log_of_the_field(logger, title))

    names = run(code, title)

    said = capsys.readouterr().out
    if title == "Polars":
        *found, last = names["currents"]["current"].to_list()
        assert found == [7.0] * 25_000 + [7.4375, 0.1 + 0.2] and math.isnan(last)
    elif title == "pandas":
        flat = names["flat"]
        assert flat["measurement_name"].tolist()[-3:] == ["leakage", "0010", "0010"]
        assert flat["measurement_configurations.voltage"].tolist()[-4:-2] == [3.3, 1.8]
        assert flat["measurement_outputs.current"].iloc[-4] == [7.4375, 0.1 + 0.2]
    elif title == "DuckDB":
        assert "7.4375" in said or "nan" in said
    elif title == "Tables in Python":
        leakage = names["leakage"]
        assert leakage["outputs.current"].iloc[-2] == [7.4375, 0.1 + 0.2]
        assert leakage["configurations.voltage"].tolist()[-3:] == [3.0, 3.3, 1.8]
        assert leakage["configurations.late"].tolist()[-1] == 1
    else:
        assert said.splitlines()[-1].endswith("[nan]")
        assert "[7.4375, 0.30000000000000004]" in said


def test_the_page_shows_all_ways() -> None:
    titles = [title for title, _ in EXAMPLES]
    assert titles == ["Records in Python", "Tables in Python", "DuckDB", "Polars", "pandas"]
    assert len(COMMANDS) == 2


def test_the_exports_of_the_page_run_and_duckdb_reads_their_files(
    logger: LoggerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log_of_the_field(logger, "export")
    monkeypatch.chdir(folder)
    (folder / "logs").mkdir()
    shutil.copy("measurements.ndjson", "logs")
    for command in COMMANDS:
        done = CliRunner().invoke(main, shlex.split(command)[1:])
        assert done.exit_code == 0, done.output
    (query,) = re.findall(r'^duckdb -c "(.*)"$', PAGE, re.M)
    found = dict(duckdb.sql(query.replace('\\"', '"')).fetchall())
    assert found[3.0] == 7.0 and found[3.3] == 7.4375 and math.isnan(found[1.8])
    dmm = duckdb.sql("SELECT \"configurations.Range\", * FROM 'tables/0010.parquet'").fetchall()
    assert [row[0] for row in dmm] == [10, (1 << 53) + 1]
    assert dmm[0][-2:] == ('"PASS"', "1") and dmm[1][-2:] == ("0.1", "true")
    assert (folder / "tables" / "leakage.csv").read_text().count("\n") == 25_003


def test_all_tables_have_the_values_of_a_log_of_the_field(logger: LoggerProcess) -> None:
    path = log_of_the_field(logger, "tables") / "measurements.ndjson"
    records = [record for record in read_log(path) if record.measurement_name == "0010"]
    assert [record.measurement_configurations["Range"] for record in records] == [10, (1 << 53) + 1]
    assert [record.measurement_outputs["current"] for record in records] == ["PASS", 0.1]
    arrow = to_arrow(path, name="0010")["0010"].to_pydict()
    polars = to_polars(path, name="0010")["0010"].to_dict(as_series=False)
    pandas = to_pandas(path, name="0010")["0010"]
    assert arrow == polars
    for found in (arrow, {name: pandas[name].tolist() for name in pandas}):
        assert found["configurations.Range"] == [10, (1 << 53) + 1]
        assert found["configurations.range"][0] == "auto"
        assert found["outputs.current"] == ['"PASS"', "0.1"]
        assert found["outputs.flag"] == ["1", "true"]


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


values = st.recursive(
    st.none() | st.booleans() | numbers | texts | st.integers(-(1 << 63), (1 << 64) - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
mixed = st.lists(st.dictionaries(texts, values, max_size=3), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(mixed)
def test_duckdb_reads_any_record_as_json_as_the_page_shows(
    logger: LoggerProcess, rows: list[dict[str, Any]]
) -> None:
    name = f"{uuid.uuid4().hex}.ndjson"
    with logger.client(name) as log:
        for row in rows:
            log.log_data("m", row, row)
    path = logger.folder / name

    query = f"""
        SELECT measurement_outputs
        FROM read_json('{path}', columns = {{measurement_outputs: 'JSON'}})
    """
    found = [json.loads(text) for (text,) in duckdb.sql(query).fetchall()]
    expected = [record["measurement_outputs"] for record in records_in(path)]
    assert [*map(json.dumps, found)] == [*map(json.dumps, expected)]
    path.unlink()


any_number = st.floats() | st.integers(-(1 << 53), 1 << 53)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(any_number, max_size=3), min_size=1, max_size=5))
def test_polars_reads_any_number_as_the_page_shows(
    logger: LoggerProcess, rows: list[list[float]]
) -> None:
    name = f"{uuid.uuid4().hex}.ndjson"
    with logger.client(name) as log:
        for row in rows:
            log.log_data("leakage", {}, {"current": row})
            log.log_data("0010", {}, {"current": "\\"})
    path = logger.folder / name

    (code,) = [code for title, code in EXAMPLES if title == "Polars"]
    found = run(code.replace("measurements.ndjson", path.as_posix()), "Polars")["currents"]
    expected = [float(value) for row in rows for value in row]
    assert [*map(repr, found["current"].drop_nulls())] == [*map(repr, expected)]
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
