"""P11: what is in a log reaches the store once, in order, without gaps, byte for byte."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy
import pytest
from as_user import STRANGER, needs_users
from capabilities import needs_renames_of_open_files
from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer, RunningServer
from store_database import STATION, StoreDatabase, lines_in
from store_logs import copy_all, copying, line, until, write_log, write_records


@pytest.mark.parametrize("version", [16, 18])
def test_records_reach_the_store_byte_for_byte(
    binaries: Binaries, tmp_path: Path, version: int
) -> None:
    with PostgresServer(binaries, version) as server:
        database = StoreDatabase(server)
        with LoggerProcess(tmp_path, *database.options()) as logger:
            with logger.client("a.ndjson") as log:
                for number in range(100):
                    log.log_data("voltage", {"n": number}, {"v": [1.5, float("nan")], "t": "a\0b"})
                database.await_count(100)
            assert logger.terminate() == 0
        assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_columns_have_names_times_and_clients(database: StoreDatabase, tmp_path: Path) -> None:
    long_name = "é\0" + "n" * 10_000
    write_log(
        tmp_path / "a.ndjson",
        [
            line(1, timestamp="2026-03-01T10:00:00.123456789Z"),
            line(2, timestamp="2026-03-01T10:00:00Z", client="", client_seq=0),
            line(3, long_name, timestamp="0001-01-01T00:00:00.999999999Z"),
        ],
    )
    copy_all(tmp_path, database.url())
    rows = database.query(
        "select seq, at::text, ns, client, client_seq, name, stored > now() - interval '1 hour' "
        "from json_logger.record order by seq"
    )
    assert rows == [
        (1, "2026-03-01 10:00:00.123456+00", 789, "c" * 32, 1, "voltage", True),
        (2, "2026-03-01 10:00:00+00", None, None, None, "voltage", True),
        (3, "0001-01-01 00:00:00.999999+00", 999, "c" * 32, 3, "é" + "n" * 198, True),
    ]


def test_logs_of_earlier_runs_are_copied_from_the_folders_and_those_below(
    database: StoreDatabase, tmp_path: Path
) -> None:
    (tmp_path / "line 1").mkdir()
    write_records(tmp_path / "a.ndjson", 1, 3000)
    write_records(tmp_path / "line 1" / "b.log", 1, 2, name="current")
    write_log(tmp_path / "other.json", [b'{"version": 1}'])
    (tmp_path / "empty.ndjson").touch()
    copy_all(tmp_path, database.url())
    logs = database.query("select name, first_seq, last_seq, closed is null from json_logger.log")
    assert sorted(logs) == [("a.ndjson", 1, 3000, False), ("line 1/b.log", 1, 2, False)]
    assert database.lines(log="a%") == lines_in(tmp_path / "a.ndjson")


@needs_users
def test_a_file_that_another_user_planted_is_not_copied(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_records(tmp_path / "planted.ndjson", 1, 3, name="planted")
    os.chown(tmp_path / "planted.ndjson", STRANGER, STRANGER)
    write_records(tmp_path / "own.ndjson", 1, 3)
    copy_all(tmp_path, database.url())
    assert database.query("select name from json_logger.log") == [("own.ndjson",)]


def test_a_second_run_copies_only_what_is_new(database: StoreDatabase, tmp_path: Path) -> None:
    log = tmp_path / "a.ndjson"
    write_records(log, 1, 1000)
    assert copy_all(tmp_path, database.url()).figures.records == 1000
    write_records(log, 1001, 1010)
    assert copy_all(tmp_path, database.url()).figures.records == 10
    assert database.lines() == lines_in(log)


@needs_renames_of_open_files
def test_rotated_files_are_one_series(database: StoreDatabase, tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, *database.options(), "--rotate-size=20000") as logger:
        with logger.client("a.ndjson") as log:
            for number in range(500):
                log.log_data("voltage", {}, {"v": number})
        assert logger.terminate() == 0
    files = sorted(tmp_path.glob("a*.ndjson"), key=lambda path: path.stat().st_mtime_ns)
    assert len(files) > 3
    assert database.lines() == [found for file in files for found in lines_in(file)]
    assert database.query("select count(distinct series), count(*) from json_logger.log") == [
        (1, len(files))
    ]


def test_rotated_files_of_earlier_runs_are_copied_first(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_records(tmp_path / "a.1.ndjson", 1, 50)
    write_records(tmp_path / "a.51.ndjson", 51, 70)
    write_records(tmp_path / "a.ndjson", 71, 90)
    write_records(tmp_path / "b.7.ndjson", 1, 5, name="only its name is like that")
    copy_all(tmp_path, database.url())
    rows = database.query("select name, first_seq, last_seq from json_logger.log")
    spans = [("a.ndjson", 1, 50), ("a.ndjson", 51, 70), ("a.ndjson", 71, 90), ("b.7.ndjson", 1, 5)]
    assert sorted(rows) == spans
    assert database.query("select count(distinct series) from json_logger.log") == [(2,)]


def test_rotated_files_beside_an_empty_log_are_copied(
    database: StoreDatabase, tmp_path: Path
) -> None:
    """A server that was killed after a rotation leaves an empty file."""
    write_records(tmp_path / "a.1.ndjson", 1, 50)
    (tmp_path / "a.ndjson").touch()
    copy_all(tmp_path, database.url())
    assert database.lines() == lines_in(tmp_path / "a.1.ndjson")


def test_a_moved_file_stays_the_same_log(database: StoreDatabase, tmp_path: Path) -> None:
    write_records(tmp_path / "a.ndjson", 1, 10)
    copy_all(tmp_path, database.url())
    (tmp_path / "old").mkdir()
    (tmp_path / "a.ndjson").rename(tmp_path / "old" / "b.ndjson")
    write_records(tmp_path / "old" / "b.ndjson", 11, 12)
    copy_all(tmp_path, database.url())
    assert database.query("select name, last_seq from json_logger.log") == [("a.ndjson", 12)]


def test_a_file_that_is_begun_anew_is_another_log(database: StoreDatabase, tmp_path: Path) -> None:
    log = tmp_path / "a.ndjson"
    write_records(log, 1, 10)
    copy_all(tmp_path, database.url())
    log.unlink()
    write_log(log, [line(1, "other")])
    copy_all(tmp_path, database.url())
    assert database.query("select last_seq from json_logger.log order by id") == [(10,), (1,)]


@pytest.mark.parametrize("change", ["changed", "shorter"])
def test_a_file_that_contradicts_the_store_is_refused_loudly_and_delays_no_other_log(
    database: StoreDatabase, tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "a.ndjson"
    write_records(log, 1, 10)
    copy_all(tmp_path, database.url())
    log.unlink()
    write_records(log, 1, 9)
    write_log(log, [line(10, "another"), line(11)] if change == "changed" else [])
    write_records(tmp_path / "b.ndjson", 1, 5, name="current")
    with copying(tmp_path, database.url()) as forwarder:
        until("the log is refused", lambda: forwarder.figures.refused_logs == 1)
        until("the other log is copied", lambda: forwarder.figures.waiting_logs == 1)
    assert "a.ndjson" in caplog.text and "record 10" in caplog.text.lower()
    assert database.query("select name, last_seq from json_logger.log order by id") == [
        ("a.ndjson", 10),
        ("b.ndjson", 5),
    ]


def test_a_missing_record_stops_the_log_before_the_gap(
    database: StoreDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_log(tmp_path / "a.ndjson", [line(1), line(2), line(5)])
    with copying(tmp_path, database.url()) as forwarder:
        until("the log is refused", lambda: forwarder.figures.refused_logs == 1)
    assert "Records 3 to 4 are missing before record 5" in caplog.text
    assert database.count() in (0, 2)


def test_lines_without_a_number_are_left_out(database: StoreDatabase, tmp_path: Path) -> None:
    foreign = b'{"measurement_name":"by another program"}'
    write_log(tmp_path / "a.ndjson", [foreign, line(1), foreign, b"", line(2), foreign])
    copy_all(tmp_path, database.url())
    assert database.lines() == [line(1), line(2)]


@pytest.mark.parametrize("first_part", [1, 2, 3, 4])
def test_copying_goes_on_beside_lines_of_other_programs(
    database: StoreDatabase, tmp_path: Path, first_part: int
) -> None:
    foreign = b'{"measurement_name":"by another program"}'
    lines = [foreign, line(1), foreign, line(2), foreign, line(3)]
    write_log(tmp_path / "a.ndjson", lines[:first_part])
    copy_all(tmp_path, database.url())
    write_log(tmp_path / "a.ndjson", lines[first_part:])
    copy_all(tmp_path, database.url())
    assert database.lines() == [line(1), line(2), line(3)]


def test_copying_goes_on_after_a_parked_line(database: StoreDatabase, tmp_path: Path) -> None:
    broken = b'{"no": json'
    write_log(tmp_path / "a.ndjson", [line(1), broken, line(3), line(4)])
    copy_all(tmp_path, database.url())
    database.query("delete from json_logger.record where seq > 2")
    database.query("update json_logger.log set last_seq = 2, last_sha256 = sha256(%s)", broken)
    copy_all(tmp_path, database.url())
    assert database.lines() == [line(1), broken, line(3), line(4)]


def test_a_line_that_the_engine_refuses_is_parked_and_stops_nothing(
    database: StoreDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = line(500, timestamp="2026-13-45T00:00:00Z")
    broken = b'{"seq":700, this is no JSON'
    lines = [line(seq) for seq in range(1, 1001)]
    lines[499], lines[699] = bad, broken
    write_log(tmp_path / "a.ndjson", lines)
    copy_all(tmp_path, database.url())
    assert database.lines() == lines
    parked = database.query("select seq, parked from json_logger.record where line is null")
    assert sorted(parked) == [(500, bad), (700, broken)]
    assert "keeps it as bytes" in caplog.text


def test_only_committed_bytes_of_an_open_log_are_copied(
    database: StoreDatabase, tmp_path: Path
) -> None:
    """A group that the disk refused in the middle is removed from the file again."""
    write_records(tmp_path / "a.ndjson", 1, 5)
    with (tmp_path / "a.ndjson").open("ab") as file:
        file.write(line(6) + b"\n" + line(7)[:20])
    with copying(tmp_path, database.url()) as forwarder:
        until("the folders are searched", lambda: forwarder.figures.searches > 0)
        assert database.count() == 0  # somebody may still be writing it
        until("the file has settled", lambda: database.count() == 6)
        assert time.time() - os.stat(tmp_path / "a.ndjson").st_mtime >= 2.0  # noqa: PTH116


def test_a_file_is_on_the_disk_before_the_store_has_its_records(
    database: StoreDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_records(tmp_path / "a.ndjson", 1, 10)
    counts = []
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    sync = getattr(os, name)
    monkeypatch.setattr(os, name, lambda f: (counts.append(database.count()), sync(f)))
    copy_all(tmp_path, database.url())
    assert counts == [0]
    assert database.count() == 10


def test_at_the_end_of_the_server_the_rest_is_copied(
    database: StoreDatabase, tmp_path: Path
) -> None:
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("a.ndjson") as log, log.stream() as stream:
            for number in range(5000):
                stream.log("voltage", {}, {"v": number})
        assert logger.terminate() == 0
    assert database.lines() == lines_in(tmp_path / "a.ndjson")
    assert database.query("select closed is not null from json_logger.log") == [(True,)]


def test_two_forwarders_at_once_copy_everything_once(
    database: StoreDatabase, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_records(tmp_path / f"{name}.ndjson", 1, 20_000, name=name)
    with copying(tmp_path, database.url()) as one, copying(tmp_path, database.url()) as other:
        for figures in (one.figures, other.figures):
            until("all is copied", lambda f=figures: f.searches > 0 and not f.waiting_logs)
    for name in ("a", "b"):
        assert database.lines(log=f"{name}%") == lines_in(tmp_path / f"{name}.ndjson")
    assert database.query("select count(distinct station) from json_logger.log") == [(1,)]


@needs_renames_of_open_files
def test_rotated_files_are_removed_only_when_the_store_has_them_whole(
    postgres: RunningServer, database: StoreDatabase, tmp_path: Path
) -> None:
    database.query(f"alter role {STATION} nologin")
    options = ("--rotate-size=1000", "--keep=0.000001")
    with (
        LoggerProcess(tmp_path, *database.options(), *options) as logger,
        logger.client("a.ndjson") as log,
    ):
        for number in range(50):
            log.log_data("voltage", {}, {"v": number})
        assert (tmp_path / "a.1.ndjson").exists()
        database.query(f"alter role {STATION} login")
        database.await_count(50)
        for _ in database.until("files that were removed"):
            log.log_data("voltage", {}, {"v": "more" * 300})
            if not (tmp_path / "a.1.ndjson").exists():
                break
    assert database.count() >= 50


@needs_renames_of_open_files
@pytest.mark.parametrize("samples", [20_000, 200_000])
def test_rotated_files_stay_when_the_store_does_not_have_all_their_samples(
    database: StoreDatabase, tmp_path: Path, samples: int
) -> None:
    options = ("--rotate-size=100000", "--keep=0.000001", "--store-waveforms=1000000")
    with LoggerProcess(tmp_path, *database.options(), *options) as logger:
        with logger.client("a.ndjson") as log:
            for number in range(5):
                log.log_data("waveform", {}, {"w": numpy.arange(float(samples)) + number})
            for _ in database.until("the records, and rotations after them"):
                log.log_data("waveform", {}, {"w": numpy.arange(float(samples))})
                if database.count() > 9 and (samples > 125_000 or not _first(tmp_path).exists()):
                    break
        assert logger.terminate() == 0
    assert _first(tmp_path).exists() == (samples > 125_000)
    assert _first(tmp_path).with_suffix(".waveforms").exists() == (samples > 125_000)


def _first(folder: Path) -> Path:
    return folder / "a.1.ndjson"
