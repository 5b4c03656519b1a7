"""The console reads a log's file up to what the server has acknowledged, across rotations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from capabilities import needs_renames_of_open_files
from measurement_console.sources.local_lines import LocalLines


def _lines(first: int, last: int, filler: int = 20) -> bytes:
    return b"".join(
        json.dumps(
            {"timestamp": "t", "measurement_name": "m", "seq": seq, "filler": "x" * filler},
            separators=(",", ":"),
        ).encode()
        + b"\n"
        for seq in range(first, last + 1)
    )


def _numbers(reader: LocalLines, last: int) -> list[int]:
    return [json.loads(line)["seq"] for data in reader.up_to(last) for line in data.splitlines()]


@pytest.mark.parametrize("filler", [20, 700_000])
def test_only_acknowledged_lines_are_read_each_once(tmp_path: Path, filler: int) -> None:
    log = tmp_path / "a.ndjson"
    log.write_bytes(_lines(1, 10, filler))
    reader = LocalLines(log, 1)
    assert _numbers(reader, 4) == [1, 2, 3, 4]
    assert _numbers(reader, 4) == []
    with log.open("ab") as file:
        file.write(_lines(11, 12, filler) + b'{"torn')
    assert _numbers(reader, 12) == list(range(5, 13))
    reader.close()


def test_what_was_removed_before_it_was_acknowledged_is_never_read(tmp_path: Path) -> None:
    log = tmp_path / "a.ndjson"
    log.write_bytes(_lines(1, 5) + b'{"measurement_name":"wrong","seq":6}\n')
    reader = LocalLines(log, 1)
    assert _numbers(reader, 5) == [1, 2, 3, 4, 5]
    log.write_bytes(_lines(1, 8))
    assert [
        json.loads(line)["measurement_name"] for line in next(reader.up_to(8)).splitlines()
    ] == ["m"] * 3
    reader.close()


@pytest.mark.parametrize("first", [1, 3, 5, 6, 9])
def test_a_rotated_log_is_one_log(tmp_path: Path, first: int) -> None:
    (tmp_path / "a.1.ndjson").write_bytes(_lines(1, 4))
    (tmp_path / "a.5.ndjson").write_bytes(_lines(5, 7))
    (tmp_path / "a.ndjson").write_bytes(_lines(8, 10))
    reader = LocalLines(tmp_path / "a.ndjson", first)
    assert _numbers(reader, 10) == list(range(first, 11))
    reader.close()


@needs_renames_of_open_files
def test_a_rotation_while_reading_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.ndjson"
    log.write_bytes(_lines(1, 4))
    reader = LocalLines(log, 1)
    assert _numbers(reader, 3) == [1, 2, 3]
    log.rename(tmp_path / "a.1.ndjson")
    log.write_bytes(_lines(5, 6))
    assert _numbers(reader, 6) == [4, 5, 6]
    reader.close()
