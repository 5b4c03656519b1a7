"""read_log, the tables and the commands read a store as they read the files of its stations."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from json_logger_client import (
    InvalidArgumentError,
    ResourceLostError,
    ResourceNotFoundError,
    SessionSharingError,
    read_log,
)
from json_logger_client.records import (
    DamagedLogError,
    StoreSource,
    StoreTail,
    make_filter,
    to_arrow,
    to_pandas,
    to_polars,
)
from store_database import STATION, StoreDatabase
from store_logs import copy_all, line, write_log, write_records

READER = "reader"


@pytest.fixture
def reader(database: StoreDatabase) -> str:
    """Return the URL of the store for a role that may only read."""
    database.query(
        "do $$ begin if not exists (select from pg_roles where rolname = 'reader') then "
        "create role reader login in role json_logger_reader; end if; end $$"
    )
    return database.url(READER)


@pytest.fixture
def stations(database: StoreDatabase, tmp_path: Path, reader: str) -> str:
    """Return the URL of a store with the logs of two stations, one of them rotated."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write_records(first / "b.ndjson", 1, 30, name="leakage")
    write_records(first / "a.1.ndjson", 1, 5)
    write_records(first / "a.ndjson", 6, 10)
    write_records(second / "a.ndjson", 1, 20)
    copy_all(first, database.url(), "first")
    copy_all(second, database.url(), "second")
    return reader


def run(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "json_logger_server", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    return ended.stdout if code == 0 else ended.stderr


def test_records_come_by_station_and_log_and_number_with_rotated_files_first(
    stations: str,
) -> None:
    found = [(record.log, record.seq) for record in read_log(stations)]
    assert found == [
        *(("first/a.ndjson", seq) for seq in range(1, 11)),
        *(("first/b.ndjson", seq) for seq in range(1, 31)),
        *(("second/a.ndjson", seq) for seq in range(1, 21)),
    ]


def test_a_record_of_the_store_is_that_of_the_file(stations: str, tmp_path: Path) -> None:
    of_file = [*read_log(tmp_path / "first" / "a.ndjson")]
    assert [*read_log(stations, station="first", name="voltage")] == of_file


def test_a_station_a_name_and_a_time_choose_records(stations: str) -> None:
    def numbers(**chosen: Any) -> list[int | None]:
        return [record.seq for record in read_log(stations, **chosen)]

    assert numbers(station="second") == [*range(1, 21)]
    assert numbers(station=["first", "second"], name="leakage") == [*range(1, 31)]
    assert numbers(station="second", since="2026-03-01T00:00:18.000018Z") == [18, 19, 20]
    assert numbers(station="second", until="2026-03-01T00:00:03.000003Z") == [1, 2]
    assert numbers(station="first", name="leakage", where=["v=0.5"]) == [4]
    assert numbers(name="none of these") == []
    with pytest.raises(ResourceNotFoundError, match="stations are: first, second"):
        numbers(station="third")


def test_a_long_name_and_one_that_the_column_cannot_hold_are_found(
    database: StoreDatabase, tmp_path: Path, reader: str
) -> None:
    names = ["n" * 10_000, "n" * 10_001, "nul\0", "\0", "last"]
    write_log(tmp_path / "a.ndjson", (line(seq, name) for seq, name in enumerate(names, start=1)))
    copy_all(tmp_path, database.url())
    for seq, name in enumerate(names, start=1):
        assert [record.seq for record in read_log(reader, name=name)] == [seq]


def test_a_parked_record_is_returned_and_a_broken_one_is_told_and_counted(
    database: StoreDatabase, tmp_path: Path, reader: str
) -> None:
    broken, never = b'{"no": json', line(4, timestamp="never")
    write_log(tmp_path / "a.ndjson", [line(1), broken, line(3), never, line(5)])
    copy_all(tmp_path, database.url())
    assert database.query("select count(*) from json_logger.record where line is null") == [(2,)]
    with pytest.raises(DamagedLogError, match=f"{STATION}/a.ndjson"):
        [*read_log(reader, name="voltage")]
    records = read_log(reader, name="voltage", damaged="skip")
    assert [record.seq for record in records] == [1, 3, 5]
    assert records.damaged == 2


def test_records_that_arrive_while_the_store_is_read_are_not_read(
    stations: str, database: StoreDatabase, tmp_path: Path
) -> None:
    source = StoreSource(stations, stations="second")
    records = read_log(stations, station="second")
    assert next(records).seq == 1
    write_records(tmp_path / "second" / "a.ndjson", 21, 25)
    copy_all(tmp_path / "second", database.url(), "second")
    assert [record.seq for record in records] == [*range(2, 21)]
    for _ in range(2):
        assert sum(lines.data.count(b"\n") for lines in source.lines()) == 20
    database.query("delete from json_logger.record where seq < 3")
    with pytest.raises(ResourceLostError, match="removed"):
        [*source.lines()]


def test_memory_stays_flat_however_many_records_there_are(
    database: StoreDatabase, tmp_path: Path, reader: str
) -> None:
    write_log(tmp_path / "a.ndjson", (line(seq, text="x" * 2000) for seq in range(1, 20_001)))
    copy_all(tmp_path, database.url())
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_log(reader)) == 20_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 12_000_000  # the records have 45 MB


def test_the_tables_of_a_store_are_those_of_the_files(stations: str, tmp_path: Path) -> None:
    file = tmp_path / "first" / "b.ndjson"
    chosen: Any = {"station": "first", "name": "leakage"}
    arrow = to_arrow(stations, **chosen)["leakage"]
    assert arrow.drop(["log"]).equals(to_arrow(file)["leakage"])
    assert set(arrow["log"].to_pylist()) == {"first/b.ndjson"}
    polars = to_polars(stations, **chosen)["leakage"]
    assert polars.drop("log").equals(to_polars(file)["leakage"])
    pandas = to_pandas(stations, **chosen)["leakage"]
    assert pandas.drop(columns=["log"]).equals(to_pandas(file)["leakage"])


def test_a_url_with_a_password_and_a_station_of_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="has a password"):
        read_log("postgresql://reader:s3cret@127.0.0.1/records")
    with pytest.raises(InvalidArgumentError, match="verify-full"):
        read_log("postgresql://reader@db.example/records?sslmode=require")
    write_records(tmp_path / "a.ndjson", 1, 1)
    with pytest.raises(InvalidArgumentError, match="only in a store"):
        read_log(tmp_path / "a.ndjson", station="first")


def test_a_role_that_may_not_read_is_told_which_right_it_needs(database: StoreDatabase) -> None:
    with pytest.raises(SessionSharingError, match="grant json_logger_reader"):
        read_log(database.url())


def test_tail_returns_what_arrived_last_and_then_what_arrives(
    stations: str, database: StoreDatabase, tmp_path: Path
) -> None:
    tail = StoreTail(stations)
    assert [(one.station, json.loads(one.line)["seq"]) for one in tail.last(2)] == [
        ("second", 19),
        ("second", 20),
    ]
    assert [*tail.more()] == []
    write_records(tmp_path / "second" / "a.ndjson", 21, 22)
    write_records(tmp_path / "second" / "new.ndjson", 1, 2, name="new")
    copy_all(tmp_path / "second", database.url(), "second")
    assert [json.loads(one.line)["seq"] for one in tail.more()] == [21, 22, 1, 2]
    assert [*tail.more()] == []
    chosen = StoreTail(stations, make_filter(name="leakage"))
    assert [json.loads(one.line)["seq"] for one in chosen.last(3)] == [28, 29, 30]


def test_the_commands_take_the_url_and_choose_stations(stations: str, tmp_path: Path) -> None:
    last = run("tail", stations, "--station=second", "-n2", "--json").splitlines()
    assert [json.loads(one)["seq"] for one in last] == [19, 20]
    assert "first  " in run("tail", stations, "--station=first", "-n1", "--name=leakage")
    report = json.loads(run("report", stations, "--station=first", "--json"))
    assert (report["records"], report["files"]) == (40, 2)
    exported = run(
        "export",
        stations,
        "--station=second",
        "--format=csv",
        f"--to={tmp_path / 'tables'}",
        "--json",
    )
    assert [table["rows"] for table in json.loads(exported)["tables"]] == [20]
    assert "password" in run("tail", "postgresql://a:s3cret@127.0.0.1/records", code=1)
    assert "--where station=NAME" in run(
        "tail", str(tmp_path / "first" / "a.ndjson"), "--station=s", code=1
    )


def test_tail_f_prints_records_as_they_arrive(
    stations: str, database: StoreDatabase, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "json_logger_server", "tail", stations, "-f", "-n1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tail:
        try:
            assert tail.stdout is not None
            assert json.loads(tail.stdout.readline())["seq"] == 20
            write_records(tmp_path / "second" / "a.ndjson", 21, 21)
            copy_all(tmp_path / "second", database.url(), "second")
            assert json.loads(tail.stdout.readline())["seq"] == 21
        finally:
            tail.kill()
