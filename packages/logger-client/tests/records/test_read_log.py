"""read_log returns every record of a log as it was logged, or says clearly what is wrong."""

from __future__ import annotations

import gzip
import json
import math
import os
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy
import pytest
from json_logger_client import (
    InvalidArgumentError,
    NotAResourceError,
    ResourceLostError,
    ResourceNotFoundError,
    SessionSharingError,
    read_log,
)
from json_logger_client.records import (
    DamagedLogError,
    DamagedWaveformError,
    FileSource,
    LogRecord,
    RecordReader,
    Waveform,
)
from json_logger_proto.log_format import WAVEFORM_HEADER, rotated_path, waveform_file_name
from log_files import lines_of, write_log

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def outputs(path: Path, *outputs: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Log outputs, and read them again."""
    write_log(path, *(("m", {}, one) for one in outputs))
    return [record.measurement_outputs for record in read_log(path, **options)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ndjson"


def test_a_record_has_all_its_fields(path: Path) -> None:
    meaning = {"status": "passed", "station": "s1", "operator": "o", "uut": {"serial": "0010"}}
    write_log(path, ("leak", {"voltage": 3.3}, {"current": [1e-9, 2e-9]}), **meaning)
    (record,) = read_log(path)
    assert isinstance(record, LogRecord)
    assert (record.measurement_name, record.seq, record.client, record.client_seq) == (
        "leak",
        1,
        "c",
        1,
    )
    assert record.measurement_configurations == {"voltage": 3.3}
    assert record.measurement_outputs == {"current": [1e-9, 2e-9]}
    assert record.timestamp.tzinfo is timezone.utc
    assert {name: getattr(record, name) for name in meaning} == meaning
    assert record.units is record.limits is record.sequence is None
    assert record.file == record.log == str(path)


def test_values_that_json_does_not_have_are_restored_at_every_depth(path: Path) -> None:
    logged = {"v": math.nan, "w": [1.5, math.inf], "x": {"y": [{"z": -math.inf}]}, "t": NOON}
    (found,) = outputs(path, logged)
    assert math.isnan(found["v"])
    assert found["w"] == [1.5, math.inf]
    assert found["x"] == {"y": [{"z": -math.inf}]}
    assert found["t"] == NOON


def test_other_texts_and_integers_stay_as_they_are(path: Path) -> None:
    logged = {
        "name": "0010",
        "nan": "nan",
        "date": "2026-01-31",
        "number": "1e5",
        "big": (1 << 64) - 1,
        "whole": 3.0,
        "bool": True,
    }
    (found,) = outputs(path, logged)
    assert found == logged
    assert [type(value) for value in found.values()] == [str] * 4 + [int, float, bool]


def test_lists_of_numbers_become_arrays_on_request(path: Path) -> None:
    logged = {
        "floats": [1.5, math.nan],
        "mixed": [1, 2.5],
        "integers": [1, -2],
        "large": [(1 << 64) - 1],
        "grid": [[1.0, 2.0], [3.0, 4.0]],
        "ragged": [[1.0], [2.0, 3.0]],
        "inexact": [(1 << 53) + 1, 0.5],
        "texts": ["a"],
        "booleans": [True],
    }
    (found,) = outputs(path, logged, arrays=True)
    kinds = {name: str(getattr(value, "dtype", "list")) for name, value in found.items()}
    assert kinds == {
        "floats": "float64",
        "mixed": "float64",
        "integers": "int64",
        "large": "uint64",
        "grid": "float64",
        "ragged": "list",
        "inexact": "list",
        "texts": "list",
        "booleans": "bool",
    }
    assert found["grid"].shape == (2, 2)
    assert found["inexact"] == [(1 << 53) + 1, 0.5]


def test_times_of_other_programs_are_returned_in_utc(path: Path) -> None:
    stamps = ("2026-01-31T12:00:00", "2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00.000000400Z")
    lines = [
        f'{{"timestamp":"{stamp}","measurement_name":"m","measurement_outputs":{{}}}}\n'
        for stamp in stamps
    ]
    path.write_text("".join(lines))
    found = list(read_log(path))
    assert [record.timestamp for record in found] == [NOON] * 3
    assert all(record.timestamp.tzinfo is timezone.utc for record in found)
    assert found[0].seq is None and found[0].measurement_configurations == {}


def rotated_log(path: Path) -> Path:
    """A log with the records 1 to 4 in two rotated files, and 5 and 6 in its own."""
    for first in (1, 3, 5):
        part = path if first == 5 else rotated_path(path, first)
        write_log(part, *[("m", {}, {"v": n}) for n in (first, first + 1)], first_seq=first)
    return path


def values(source: Any, **options: Any) -> list[Any]:
    return [record.measurement_outputs["v"] for record in read_log(source, **options)]


def test_rotated_files_are_read_first_and_each_alone_by_its_path(path: Path) -> None:
    rotated_log(path)
    assert values(path) == [1, 2, 3, 4, 5, 6]
    assert [record.file for record in read_log(path)][1:3] == [
        str(rotated_path(path, 1)),
        str(rotated_path(path, 3)),
    ]
    assert {record.log for record in read_log(path)} == {str(path)}
    assert values(rotated_path(path, 3)) == [3, 4]


def test_patterns_and_lists_find_each_log_once(path: Path) -> None:
    rotated_log(path)
    write_log(path.with_name("b.log"), ("m", {}, {"v": 7}))
    path.with_name("a.ndjson.torn-1").write_text("{")
    path.with_name("a.waveforms").write_bytes(WAVEFORM_HEADER)
    assert values(str(path.with_name("*"))) == [1, 2, 3, 4, 5, 6, 7]
    assert values([path, path.with_name("b.*"), str(path)]) == [1, 2, 3, 4, 5, 6, 7]


def test_a_log_whose_name_has_signs_of_a_pattern_is_found_by_it(tmp_path: Path) -> None:
    path = tmp_path / "a[1].ndjson"
    write_log(path, ("m", {}, {"v": 1}))
    write_log(tmp_path / "a1.ndjson", ("m", {}, {"v": 2}))
    assert values(path) == [1]


def test_what_is_no_log_is_refused_with_what_to_do(tmp_path: Path) -> None:
    packed = tmp_path / "a.ndjson"
    packed.write_bytes(gzip.compress(b"{}"))
    cases: list[tuple[Any, type[SessionSharingError], str]] = [
        (tmp_path / "none.ndjson", ResourceNotFoundError, "There is no file"),
        (tmp_path / "*.log", ResourceNotFoundError, "finds no log"),
        (tmp_path, InvalidArgumentError, r"is a folder. Name its logs, for example .*\*\.ndjson"),
        ([], InvalidArgumentError, "at least one log"),
        (packed, NotAResourceError, "compressed by gzip; unpack it first"),
    ]
    for source, kind, message in cases:
        with pytest.raises(kind, match=message):
            read_log(source)


@pytest.mark.parametrize(
    "line",
    [b"not JSON", b"[]", b"{}", b'{"seq":1}', b"\xff", b'{"timestamp":"noon"}', b"[" * 100_000]
    + [b'{"timestamp":"0001-01-01T00:00:00+23:00","measurement_name":"","measurement_outputs":{}}'],
)
def test_a_damaged_line_is_an_error_with_its_place_or_is_counted(path: Path, line: bytes) -> None:
    good = lines_of([("m", {}, {"v": n}) for n in range(3)])
    path.write_bytes(good[0] + b"\n" + line + b"\n" + good[1] + good[2])
    with pytest.raises(DamagedLogError, match=r"a.ndjson, line 3, is not a record: .*verify"):
        list(read_log(path))
    reader = read_log(path, damaged="skip")
    assert [record.measurement_outputs["v"] for record in reader] == [0, 1, 2]
    assert reader.damaged == 1


def test_an_incomplete_record_at_the_end_is_not_read_and_is_no_damage(path: Path) -> None:
    lines = lines_of([("m", {}, {"v": n}) for n in range(2)])
    whole = b"".join(lines)
    # The newline is no part of a record: without it, the record is complete.
    ends = [len(lines[0]) - 1, len(whole) - 1]
    for cut in range(1, len(whole) + 1):
        path.write_bytes(whole[:cut])
        reader = read_log(path)
        assert len(list(reader)) == sum(cut >= end for end in ends)
        assert reader.damaged == 0


def test_a_source_stays_as_it_was_when_the_log_grows_or_is_rotated(path: Path) -> None:
    write_log(path, ("m", {}, {"v": 1}), ("m", {}, {"v": 2}))
    source = FileSource([path])
    with path.open("ab") as file:
        file.writelines(lines_of([("m", {}, {"v": 3})], first_seq=3))
    assert [r.measurement_outputs["v"] for r in RecordReader(source)] == [1, 2]
    path.rename(rotated_path(path, 1))
    write_log(path, ("m", {}, {"v": 4}), first_seq=4)
    assert [r.measurement_outputs["v"] for r in RecordReader(source)] == [1, 2]
    assert values(path) == [1, 2, 3, 4]


def test_a_log_that_is_removed_or_shortened_while_it_is_read_is_an_error(path: Path) -> None:
    write_log(path, *[("m", {}, {"v": n}) for n in range(9)])
    source = FileSource([path])
    os.truncate(path, 10)
    with pytest.raises(ResourceLostError, match="was shortened"):
        list(RecordReader(source))
    path.unlink()
    with pytest.raises(ResourceLostError, match="was removed or replaced"):
        list(RecordReader(source))


def test_a_large_log_is_read_in_its_order(path: Path) -> None:
    logged = [*range(20_000)]
    filler = ["x" * 400, "y" * 2_000_000]
    write_log(path, *(("m", {}, {"v": n, "f": filler[n == 7_000]}) for n in logged))
    reader = read_log(path)
    assert [record.measurement_outputs["v"] for record in reader] == logged
    assert reader.records == len(logged)
    assert reader.position == reader.size == path.stat().st_size


def log_waveform(path: Path, samples: numpy.ndarray[Any, Any], **facts: Any) -> None:
    """Write a log with one waveform, and its waveform file."""
    data = samples.tobytes()
    reference = {
        "offset": len(WAVEFORM_HEADER),
        "count": samples.size,
        "dtype": samples.dtype.str,
        "shape": list(samples.shape),
        "crc32": zlib.crc32(data),
        **facts,
    }
    path.with_name(waveform_file_name(path.name)).write_bytes(WAVEFORM_HEADER + data)
    (line,) = lines_of([("scope", {}, {"trace": 0})])
    trace = json.dumps({"trace": {"$waveform": reference}}).encode()
    path.write_bytes(line.replace(b'{"trace":0}', trace))


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<i2", "|u1", "<c16", "|b1"])
def test_a_waveform_reads_its_samples_when_they_are_used(path: Path, dtype: str) -> None:
    samples = (numpy.arange(12).reshape(3, 4) % 5).astype(dtype)
    log_waveform(path, samples, t0="2026-01-31T12:00:00.0000000015Z", dt=1e-6, unit="V")
    (record,) = read_log(path)
    trace = record.measurement_outputs["trace"]
    assert isinstance(trace, Waveform)
    numpy.testing.assert_array_equal(trace.samples(), samples)
    assert trace.samples().dtype == samples.dtype
    assert float(numpy.mean(trace).real) == pytest.approx(float(samples.mean().real))
    assert (len(trace), trace.shape, trace.dt, trace.unit, trace.t0) == (3, (3, 4), 1e-6, "V", NOON)
    assert trace.reference.t0 == "2026-01-31T12:00:00.0000000015Z"


def test_a_waveform_is_found_after_its_log_was_rotated(path: Path) -> None:
    log_waveform(path, numpy.arange(5.0))
    (record,) = read_log(path)
    moved = rotated_path(path, 1)
    path.rename(moved)
    path.with_name("a.waveforms").rename(moved.with_name("a.1.waveforms"))
    write_log(path, ("m", {}, {}), first_seq=2)
    path.with_name("a.waveforms").write_bytes(WAVEFORM_HEADER + bytes(40))
    assert record.measurement_outputs["trace"].samples().tolist() == [0, 1, 2, 3, 4]
    again = next(read_log(path))
    assert again.measurement_outputs["trace"].samples().tolist() == [0, 1, 2, 3, 4]


def test_samples_that_are_missing_or_changed_are_an_error(path: Path) -> None:
    log_waveform(path, numpy.arange(5.0))
    trace = next(read_log(path)).measurement_outputs["trace"]
    file = path.with_name("a.waveforms")
    whole = file.read_bytes()
    for content, message in (
        (whole[:-1], "has only 39 of 40 bytes"),
        (whole[:-1] + b"x", "check sums differ"),
        (None, "No such file"),
    ):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(DamagedWaveformError, match=message):
            trace.samples()


def test_an_object_that_only_looks_like_a_waveform_stays_an_object(path: Path) -> None:
    odd = [{"$waveform": 1}, {"$waveform": {"offset": 0}}, {"$waveform": {}, "more": 1}]
    lines = lines_of([("m", {}, {"v": n}) for n in range(3)])
    path.write_bytes(
        b"".join(
            line.replace(b'{"v":%d}' % n, json.dumps({"v": odd[n]}).encode())
            for n, line in enumerate(lines)
        )
    )
    assert values(path) == odd


def test_a_time_of_the_last_hours_can_be_written_shortly(path: Path) -> None:
    write_log(path, ("m", {}, {"v": 1}))
    assert values(path, since="1h") == [1]
    assert values(path, until="1h") == []
    assert values(path, since=datetime.now(timezone.utc) + timedelta(hours=1)) == []
