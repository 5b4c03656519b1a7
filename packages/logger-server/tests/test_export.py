"""An export has every value of the chosen records, and is there as a whole or not at all."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import numpy
import polars
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from json_logger_client.encoding import encode_record
from json_logger_client.records import RecordReader, read_log, sources, to_arrow
from json_logger_proto.log_format import WAVEFORM_HEADER, rotated_path
from json_logger_server.cli import main
from logger_process import LoggerProcess

Record = tuple[str, dict[str, Any], dict[str, Any]]


def write(path: Path, *records: Record, first_seq: int = 1) -> Path:
    """Write a log as our client and server do."""
    with path.open("wb") as file:
        for seq, record in enumerate(records, start=first_seq):
            facts = {"seq": seq, "client": "c", "client_seq": seq, "writer": "plug-in, pid 7"}
            line = encode_record(*record).line
            file.write(line[:-1] + b"," + json.dumps(facts).encode()[1:] + b"\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def export(*arguments: object) -> list[dict[str, Any]]:
    """Export, and return what the command says of each table."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)["tables"]
    return found


def cells(file: str | Path) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A log of two plug-ins: late outputs, fractions after integers, one name in two shapes."""
    leak: list[Record] = [("leak", {"voltage": 3}, {"current": [7, 8], "ok": True})] * 3
    later: list[Record] = [
        ("leak", {"voltage": 3.3}, {"current": [7.5, math.nan], "note": "late", "fit": {"x": 1}}),
        ("0010", {"Range": 10, "range": "auto"}, {"current": "PASS", "mixed": 1}),
        ("0010", {}, {"current": "NaN", "mixed": True}),
    ]
    return write(tmp_path / "a.ndjson", *leak, *later)


def test_every_measurement_has_a_file_whose_columns_are_those_of_all_records(
    mixed: Path, tmp_path: Path
) -> None:
    leak, dmm = export(mixed, "--format", "parquet", "--to", tmp_path / "out")
    assert (leak["measurement_name"], leak["rows"]) == ("leak", 4)
    assert leak["file"] == str(tmp_path / "out" / "leak.parquet")
    own = ["timestamp", "seq", "client", "client_seq", "writer"]
    assert leak["columns"] == {
        **dict(zip(own, ["time", "int64", "text", "int64", "text"], strict=True)),
        "configurations.voltage": "float64",
        "outputs.current": "list of float64",
        "outputs.ok": "boolean",
        "outputs.note": "text",
        "outputs.fit.x": "int64",
    }
    types = {name: kind for name, kind in dmm["columns"].items() if name not in own}
    assert types == {
        "configurations.Range": "int64",
        "configurations.range": "text",
        "outputs.current": "text",
        "outputs.mixed": "json",
    }
    table = pyarrow.parquet.read_table(tmp_path / "out" / "0010.parquet")
    assert table["outputs.mixed"].to_pylist() == ["1", "true"]
    assert table["outputs.current"].to_pylist() == ["PASS", "NaN"]
    assert table.schema.metadata[b"measurement_name"] == b"0010"


def test_duckdb_and_polars_read_the_same_values_from_the_files(mixed: Path, tmp_path: Path) -> None:
    for form in ("parquet", "arrow"):
        export(mixed, "--format", form, "--to", tmp_path / form)
    expected = to_arrow(mixed)["leak"].to_pylist()
    same = [repr(row) for row in expected]
    assert same == [
        repr(row) for row in polars.read_parquet(tmp_path / "parquet/leak.parquet").to_dicts()
    ]
    assert same == [repr(row) for row in polars.read_ipc(tmp_path / "arrow/leak.arrow").to_dicts()]
    query = f"""
        SELECT seq, "configurations.voltage", "outputs.current", "outputs.note"
        FROM '{tmp_path}/parquet/leak.parquet'
    """
    found = duckdb.sql(query).fetchall()
    names = ("seq", "configurations.voltage", "outputs.current", "outputs.note")
    assert [repr(row) for row in found] == [
        repr(tuple(row[name] for name in names)) for row in expected
    ]


def test_csv_has_exact_numbers_and_says_how_it_writes_the_rest(mixed: Path, tmp_path: Path) -> None:
    leak, _ = export(mixed, "--format", "csv", "--to", tmp_path)
    rows = cells(leak["file"])
    assert [row["configurations.voltage"] for row in rows] == ["3.0", "3.0", "3.0", "3.3"]
    assert rows[0]["outputs.current"] == "[7.0,8.0]"
    assert rows[3]["outputs.current"] == '[7.5,"NaN"]'
    assert (rows[0]["outputs.ok"], rows[3]["outputs.ok"]) == ("true", "")
    (first, *_) = read_log(mixed)
    assert rows[0]["timestamp"] == first.timestamp.isoformat().replace("+00:00", "Z")


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["0010", "NaN", "=1+1", "\r", '"', ",", "\u2028"]),
    st.lists(st.floats() | st.integers(-2, 2), max_size=3),
)
logs = st.lists(
    st.tuples(
        st.sampled_from(["leak", "Leak", "0010"]),
        st.dictionaries(st.sampled_from(["v", "V"]), values, max_size=2),
        st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@settings(deadline=None, max_examples=60)
@given(records=logs, chunk=st.sampled_from([1 << 20, 300]))
def test_all_formats_have_the_cells_of_the_tables(
    folder: Path, records: list[Record], chunk: int
) -> None:
    path = write(folder / "a.ndjson", *records)
    expected = {name: table.to_pylist() for name, table in to_arrow(path).items()}
    with mock.patch.object(sources, "_CHUNK", chunk):
        done = {
            form: export(path, "--format", form, "--to", folder / "out", "--overwrite")
            for form in ("csv", "parquet", "arrow")
        }
    for form in ("parquet", "arrow"):
        read = polars.read_parquet if form == "parquet" else polars.read_ipc
        for table in done[form]:
            rows = read(table["file"]).to_dicts()
            assert [*map(repr, rows)] == [*map(repr, expected[table["measurement_name"]])]
    for table in done["csv"]:
        rows = cells(table["file"])
        assert len(rows) == table["rows"]
        for row, same in zip(rows, expected[table["measurement_name"]], strict=True):
            assert row == {name: as_csv(value) for name, value in same.items()}


ODD_OUTPUTS = [
    '{"f":1,"f":2.5}',
    '{"f":9007199254740993}',
    '{"f":-9007199254740993.0}',
    '{"f":1e-400,"i":-0}',
    '{"f":{}}',
    '{"o":{}}',
    '{"o":{"x":1,"y":{}}}',
    '{"o":{ "x": null }}',
    '{"o":null}',
    '{"o":[]}',
    '{"t":"\\ud83d\\ude00 {} \\u0000"}',
    '{"t":"2026-01-31T12:00:00Z"}',
    '{"t":"NaN"}',
    '{"t":null}',
    '{"i":1.0}',
    '{"i":true}',
    '{"i":18446744073709551615}',
    '{"i":-9223372036854775808}',
    '{"f":"NaN"}',
    '{"f":"1.5"}',
    '{"l":[]}',
    '{"l":null}',
    '{"l":[null,1]}',
    '{"l":[[1]]}',
    '{"l":["Infinity"]}',
    '{"new":1}',
    "{}",
    " { } ",
]


@pytest.mark.parametrize("odd", ODD_OUTPUTS)
@pytest.mark.parametrize("place", [9, 30])
def test_an_unusual_value_among_usual_ones_is_exported_as_it_is(
    folder: Path, odd: str, place: int
) -> None:
    """Arrow's own reader takes the usual lines; it would read many of these in its own way."""
    usual = {"f": 0.1 + 0.2, "i": 7, "t": "text", "l": [1.5, 2.5], "o": {"x": 1}, "b": True}
    path = write(folder / "odd.ndjson", *[("leak", {"voltage": 3.3}, usual)] * 30)
    lines = path.read_bytes().splitlines()
    head, outputs = lines[0].split(b',"measurement_outputs":')
    facts = outputs[outputs.index(b',"seq"') :]
    lines.insert(place, head + b',"measurement_outputs":' + odd.encode() + facts)
    path.write_bytes(b"\n".join(lines) + b"\n")

    expected = to_arrow(path)["leak"].to_pylist()
    with mock.patch.object(sources, "_CHUNK", 1000):
        (table,) = export(path, "--format", "parquet", "--to", folder / "out", "--overwrite")
    assert table["rows"] == 31
    found = pyarrow.parquet.read_table(table["file"]).to_pylist()
    assert [*map(repr, found)] == [*map(repr, expected)]


def test_usual_lines_are_read_by_arrow_itself(folder: Path) -> None:
    path = write(folder / "usual.ndjson", *[("leak", {"v": 3.3}, {"i": [1.5]})] * 50)
    with (
        mock.patch.object(sources, "_CHUNK", 1000),
        mock.patch.object(
            RecordReader, "decode", autospec=True, side_effect=RecordReader.decode
        ) as decode,
    ):
        export(path, "--format", "parquet", "--to", folder / "out", "--overwrite")
    assert decode.call_count == 1


def as_csv(value: Any) -> str:
    """Return a value as it is documented for CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        texts = [
            f'"{as_csv(v)}"' if isinstance(v, float) and not math.isfinite(v) else json.dumps(v)
            for v in value
        ]
        return f"[{','.join(texts)}]"
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)


def test_names_become_file_names_that_every_system_takes(tmp_path: Path) -> None:
    names = ["../up", "a/b", "a:b", "con", "", "leak", "LEAK", "温度", ".hidden", "x" * 300, " "]
    path = write(tmp_path / "a.ndjson", *((name, {}, {"v": 1}) for name in names))
    done = export(path, "--format", "csv", "--to", tmp_path / "out")
    files = [Path(table["file"]) for table in done]
    assert [table["measurement_name"] for table in done] == names
    assert names_in(tmp_path / "out") == sorted(file.name for file in files)
    assert [file.stem for file in files[:9]] == [
        "%2E%2E%2Fup",
        "a%2Fb",
        "a%3Ab",
        "%63on",
        "%",
        "leak",
        "LEAK~2",
        "温度",
        "%2Ehidden",
    ]
    assert all(len(file.name.encode()) < 200 for file in files)


def test_an_existing_file_is_kept_unless_it_may_be_replaced(mixed: Path, tmp_path: Path) -> None:
    kept = tmp_path / "0010.csv"
    kept.write_text("mine")
    refused = run(mixed, "--format", "csv", "--to", tmp_path)
    assert refused.exit_code == 1 and f"{kept} exists already" in refused.output
    assert kept.read_text() == "mine"
    assert names_in(tmp_path) == ["0010.csv", "a.ndjson"]
    export(mixed, "--format", "csv", "--to", tmp_path, "--overwrite")
    assert len(cells(kept)) == 2


def test_a_failed_export_leaves_no_file(mixed: Path, tmp_path: Path) -> None:
    with mixed.open("ab") as file:
        file.write(b"not a record\n")
    out = tmp_path / "out"
    failed = run(mixed, "--format", "parquet", "--to", out)
    assert failed.exit_code == 1 and "line 7, is not a record" in failed.output
    assert names_in(out) == []
    done = run(mixed, "--format", "parquet", "--to", out, "--skip-damaged")
    assert done.exit_code == 0 and "1 lines are not records" in done.output
    assert names_in(out) == ["0010.parquet", "leak.parquet"]


def test_only_the_chosen_records_are_exported(mixed: Path, tmp_path: Path) -> None:
    (leak,) = export(mixed, "--format", "csv", "--to", tmp_path, "--where", "voltage=3.3")
    assert (leak["rows"], leak["columns"]["configurations.voltage"]) == (1, "float64")
    (dmm,) = export(mixed, "--format", "csv", "--to", tmp_path, "--name", "0010")
    assert dmm["measurement_name"] == "0010"
    nothing = run(mixed, "--format", "csv", "--to", tmp_path / "none", "--since", "2999-01-01")
    assert nothing.exit_code == 1 and "There is no such record" in nothing.output


def test_several_logs_have_a_column_that_says_which(mixed: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "b.ndjson", ("leak", {}, {"current": [1]}))
    write(rotated_path(other, 1), ("leak", {}, {}), ("leak", {}, {}))
    write(other, ("leak", {}, {}), first_seq=3)
    leak, _ = export(tmp_path / "*.ndjson", "--format", "csv", "--to", tmp_path / "out")
    logs = [row["log"] for row in cells(leak["file"])]
    assert logs == [str(mixed)] * 4 + [str(other)] * 3


def test_texts_that_a_spreadsheet_would_run_are_kept_or_escaped_as_asked(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "plain", ""]
    records: list[Record] = [("m", {}, {"v": text, "n": -1.5, "=k": "=k"}) for text in texts]
    path = write(tmp_path / "a.ndjson", *records)
    (plain,) = export(path, "--format", "csv", "--to", tmp_path / "plain")
    assert [row["outputs.v"] for row in cells(plain["file"])] == texts
    (safe,) = export(path, "--format", "csv", "--to", tmp_path / "safe", "--escape-formulas")
    rows = cells(safe["file"])
    assert [row["outputs.v"] for row in rows] == [*(f"'{text}" for text in texts[:5]), "plain", ""]
    assert {row["outputs.n"] for row in rows} == {"-1.5"}


def write_waveforms(path: Path, *arrays: numpy.ndarray[Any, Any]) -> Path:
    """Write a log with a waveform in each record, and its waveform file."""
    samples, records = WAVEFORM_HEADER, list[Record]()
    for array in arrays:
        data = array.tobytes()
        reference = {
            "offset": len(samples),
            "count": array.size,
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "crc32": zlib.crc32(data),
            "dt": 1e-6,
            "unit": "V",
        }
        samples += data.ljust(-(-len(data) // 64) * 64, b"\0")
        records.append(("scope", {}, {"trace": {"reference": reference}}))
    path.with_suffix(".waveforms").write_bytes(samples)
    write(path, *records, ("scope", {}, {"trace": None}))
    path.write_bytes(path.read_bytes().replace(b'"reference":', b'"$waveform":'))
    return path


def test_waveforms_are_files_of_numpy_beside_the_table(tmp_path: Path) -> None:
    arrays = [numpy.arange(5.0), numpy.array([[1j, 2]]), numpy.arange(3, dtype="<i2")]
    path = write_waveforms(tmp_path / "a.ndjson", *arrays)
    out = tmp_path / "out"
    (table,) = export(path, "--format", "csv", "--to", out)
    rows = cells(table["file"])
    assert [row["outputs.trace"] for row in rows[:3]] == [
        f"scope.waveforms/outputs%2Etrace-{row}.npy" for row in (1, 2, 3)
    ]
    for row, array in zip(rows, arrays, strict=False):
        read = numpy.load(out / row["outputs.trace"])
        numpy.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype
    assert [row["outputs.trace.unit"] for row in rows] == ["V", "V", "V", ""]
    assert [row["outputs.trace.dt"] for row in rows] == ["1e-06"] * 3 + [""]


def test_waveforms_can_stay_where_they_are(tmp_path: Path) -> None:
    path = write_waveforms(tmp_path / "a.ndjson", numpy.arange(5.0))
    (table,) = export(path, "--format", "csv", "--to", tmp_path / "out", "--waveforms", "reference")
    reference = json.loads(cells(table["file"])[0]["outputs.trace"])
    read = numpy.fromfile(
        tmp_path / "a.waveforms", reference["dtype"], reference["count"], offset=reference["offset"]
    )
    assert read.tolist() == [0, 1, 2, 3, 4]
    assert names_in(tmp_path / "out") == ["scope.csv"]


def test_missing_samples_end_the_export(tmp_path: Path) -> None:
    path = write_waveforms(tmp_path / "a.ndjson", numpy.arange(5.0))
    path.with_suffix(".waveforms").unlink()
    failed = run(path, "--format", "csv", "--to", tmp_path / "out")
    assert failed.exit_code == 1 and "cannot be read" in failed.output
    assert names_in(tmp_path / "out") == []


def test_a_log_is_exported_while_it_is_written(logger: LoggerProcess, tmp_path: Path) -> None:
    state = f"--state-file={logger.state_file}"
    with logger.client("live.ndjson") as log, log.stream() as stream:
        for number in range(500):
            stream.log("leak", {}, {"v": number})
        stream.flush()
        for number in range(500, 2000):
            stream.log("leak", {}, {"v": number})
        (leak,) = export("live.ndjson", state, "--format", "csv", "--to", tmp_path)
        found = [int(row["outputs.v"]) for row in cells(leak["file"])]
        assert len(found) >= 500 and found == [*range(len(found))]


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminal of this kind")
    import pty

    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_a_person_sees_the_progress_and_a_program_does_not(
    mixed: Path, tmp_path: Path, terminal: tuple[int, int]
) -> None:
    words = [sys.executable, "-m", "json_logger_server", "export", str(mixed), "--format", "csv"]
    quiet = subprocess.run([*words, "--to", tmp_path / "1"], capture_output=True, check=True)
    assert quiet.stderr == b""
    subprocess.run(
        [*words, "--to", tmp_path / "2"], stdout=subprocess.DEVNULL, stderr=terminal[1], check=True
    )
    assert b"Exporting" in os.read(terminal[0], 4096)


def test_names_cannot_control_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", ("\x1b[2J\u202e", {}, {"\x1b": 1}))
    done = run(path, "--format", "csv", "--to", tmp_path / "out")
    assert done.exit_code == 0 and "\x1b" not in done.output and "\u202e" not in done.output
