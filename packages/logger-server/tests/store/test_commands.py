"""`json-logger store`: what its commands say, and what they never touch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer, RunningServer
from store_database import STATION, StoreDatabase
from store_logs import copy_all, line, until, write_log, write_records


def run(*arguments: str, code: int = 0) -> Any:
    """Run `json-logger store` with --json; return what it says."""
    command = [sys.executable, "-m", "json_logger_server", "store", *arguments, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    return json.loads(ended.stdout)


def of_station(database: StoreDatabase, folder: Path) -> list[str]:
    return [f"--store={database.url()}", f"--station={STATION}", f"--log-root={folder}"]


def test_init_makes_a_store_and_the_roles_of_stations(
    postgres: RunningServer, tmp_path: Path
) -> None:
    with postgres.connected() as connection:
        connection.execute("create database made_by_command")
    url = postgres.url("made_by_command")
    made = run("init", f"--store={url}", "--station-role=station 10")
    assert made == {"version": 2, "applied": [1, 2]}
    assert run("init", f"--store={url}") == {"version": 2, "applied": []}
    write_records(tmp_path / "a.ndjson", 1, 3)
    copy_all(tmp_path, postgres.url("made_by_command", "station%2010"), "station 10")
    rows = run("status", f"--store={url}", f"--log-root={tmp_path}", "--station=station 10")
    assert [(row["station"], row["last_seq"], row["lag"]) for row in rows] == [("station 10", 3, 0)]


def test_status_tells_the_lag_of_each_log_and_what_is_parked(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_log(tmp_path / "a.ndjson", [line(1), line(2, timestamp="2026-13-01T00:00:00Z")])
    copy_all(tmp_path, database.url())
    write_records(tmp_path / "a.ndjson", 3, 7)
    write_records(tmp_path / "b.ndjson", 1, 4, name="new")
    rows = {row["name"]: row for row in run("status", *of_station(database, tmp_path))}
    assert (rows["a.ndjson"]["last_seq"], rows["a.ndjson"]["lag"]) == (2, 5)
    assert rows["a.ndjson"]["parked"] == 1
    assert "2026-13-01" in rows["a.ndjson"]["refusal"]
    assert (rows["b.ndjson"]["last_seq"], rows["b.ndjson"]["lag"]) == (0, 4)


def test_retry_stores_what_was_parked(database: StoreDatabase, tmp_path: Path) -> None:
    bad, broken = line(2, timestamp="2026-13-01T00:00:00Z"), b'{"no": json'
    write_log(tmp_path / "a.ndjson", [line(1), bad, broken, line(4)])
    copy_all(tmp_path, database.url())
    said = run("retry", f"--store={database.url()}", code=1)
    assert said["stored"] == 1  # its line is JSON; only its time could not be read
    assert [row["seq"] for row in said["parked"]] == [3]
    assert database.lines() == [line(1), bad, broken, line(4)]


def test_verify_finds_equal_missing_and_changed_records(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_records(tmp_path / "a.1.ndjson", 1, 3000)
    write_records(tmp_path / "a.ndjson", 3001, 3010)
    write_log(tmp_path / "b.ndjson", [line(1, "other"), b'{"no": json', line(3)])
    copy_all(tmp_path, database.url())
    found = run("verify", *of_station(database, tmp_path))
    assert sorted((Path(f["file"]).name, f["equal"], f["is_equal"]) for f in found) == [
        ("a.1.ndjson", 3000, True),
        ("a.ndjson", 10, True),
        ("b.ndjson", 3, True),
    ]
    write_records(tmp_path / "a.ndjson", 3011, 3012)
    database.query(
        "update json_logger.record set line = replace(line::text, '10', '11')::json "
        "where seq = 1234"
    )
    log = str(tmp_path / "a.ndjson")
    rotated, live = run("verify", log, *of_station(database, tmp_path), code=1)
    assert rotated["equal"] == 1233 and "record 1234" in rotated["problem"]
    assert (live["equal"], live["missing"], live["problem"]) == (10, 2, "")


def test_prune_removes_whole_closed_logs_and_the_station_does_not_copy_them_again(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_records(tmp_path / "a.ndjson", 1, 12_000)
    write_records(tmp_path / "b.ndjson", 1, 10, name="open")
    copy_all(tmp_path, database.url())
    database.query("update json_logger.log set closed = null where name = 'b.ndjson'")
    url = f"--store={database.url('postgres')}"
    assert run("prune", url, "--older-than=1") == {"removed": 0}
    database.query("update json_logger.log set closed = closed - interval '2 days'")
    assert run("prune", url, "--older-than=1") == {"removed": 12_000}
    assert run("prune", url, "--older-than=1") == {"removed": 0}
    copy_all(tmp_path, database.url())
    assert database.count() == 10
    found = run("verify", *of_station(database, tmp_path), code=1)
    assert ["the store removed" in item["problem"] for item in found].count(True) == 1
    write_records(tmp_path / "a.ndjson", 12_001, 12_003)
    copy_all(tmp_path, database.url())
    assert database.count() == 13


def test_every_command_works_on_an_older_server(binaries: Binaries, tmp_path: Path) -> None:
    with PostgresServer(binaries, 16) as server:
        database = StoreDatabase(server)
        bad = line(2, timestamp="2026-13-01T00:00:00Z")
        write_log(tmp_path / "a.ndjson", [line(1), bad, line(3)])
        copy_all(tmp_path, database.url())
        (row,) = run("status", *of_station(database, tmp_path))
        assert (row["last_seq"], row["lag"], row["parked"]) == (3, 0, 1)
        assert run("retry", f"--store={database.url()}")["stored"] == 1
        (found,) = run("verify", *of_station(database, tmp_path))
        assert found["is_equal"]
        assert database.query("select count(*) from json_logger.measurement") == [(3,)]
        database.query("update json_logger.log set closed = closed - interval '2 days'")
        url = f"--store={database.url('postgres')}"
        assert run("prune", url, "--older-than=1") == {"removed": 3}


@pytest.mark.parametrize("command", ["init", "status", "retry", "verify", "prune"])
def test_every_command_refuses_a_password_and_never_repeats_it(command: str) -> None:
    arguments = ["store", command, "--store=postgresql://u:s3cret@127.0.0.1/d"]
    arguments += ["--older-than=1"] if command == "prune" else []
    ended = subprocess.run(
        [sys.executable, "-m", "json_logger_server", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert ended.returncode != 0
    assert "password" in ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr


def test_doctor_and_show_tell_lag_outages_and_what_is_refused(
    binaries: Binaries, tmp_path: Path
) -> None:
    def doctor(logger: LoggerProcess) -> tuple[str, str]:
        command = [sys.executable, "-m", "json_logger_server", "doctor", "--json"]
        command += [f"--state-file={logger.state_file}", f"--log-root={tmp_path}"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        (found,) = [item for item in json.loads(ended.stdout) if item["subject"] == "store"]
        return found["verdict"], found["text"]

    write_log(tmp_path / "bad.ndjson", [line(1, "a"), line(3)])
    write_log(tmp_path / "parked.ndjson", [line(1, "b", timestamp="2026-13-01T00:00:00Z")])
    with PostgresServer(binaries) as server:
        database = StoreDatabase(server)
        with LoggerProcess(tmp_path, *database.options()) as logger:
            until("the logs are looked at", lambda: "1 log is refused" in doctor(logger)[1])
            assert doctor(logger)[0] == "wrong"
            (tmp_path / "bad.ndjson").unlink()
            database.await_count(1)
            server.kill()
            with logger.client("a.ndjson") as log:
                log.log_data("voltage", {}, {"v": 1})
            until("the outage is told", lambda: "has been away for" in doctor(logger)[1])
            command = [sys.executable, "-m", "json_logger_server", "show"]
            command += [f"--state-file={logger.state_file}", "--json"]
            shown = json.loads(subprocess.check_output(command, text=True))["counters"]
            assert shown["store_outages"] == 1
            assert shown["store_lag_seconds"] > 0
            assert shown["store_parked"] == 1
            server.start()
            database.await_count(2)


def test_commands_for_people_print_tables(database: StoreDatabase, tmp_path: Path) -> None:
    write_records(tmp_path / "a.ndjson", 1, 5)
    copy_all(tmp_path, database.url())
    command = [sys.executable, "-m", "json_logger_server", "store"]
    for arguments, expected in (
        (["status", *of_station(database, tmp_path)], f"{STATION}  a.ndjson  1-5      0"),
        (["verify", *of_station(database, tmp_path)], "and the store are equal: 5 records."),
        (["retry", f"--store={database.url()}"], "0 records are stored now, 0 stay parked."),
    ):
        ended = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120)
        assert expected in ended.stdout, ended
