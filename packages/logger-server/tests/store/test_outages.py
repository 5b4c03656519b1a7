"""P11 and P10: the store is away, full, or closed to the station; callers do not notice."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from chaos_proxy import ChaosProxy
from json_logger_server.store import StoreAwayError, parse_address
from json_logger_server.store.statements import Statements
from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer
from session_sharing.client import connect
from session_sharing.v1 import lifecycle_pb2
from store_database import STATION, StoreDatabase, lines_in
from store_logs import copy_all, copying, until, write_records


@pytest.fixture
def own_server(binaries: Binaries) -> Iterator[PostgresServer]:
    with PostgresServer(binaries, settings={"max_connections": "10"}) as server:
        yield server


def test_callers_do_not_notice_that_the_store_is_away(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    database = StoreDatabase(own_server)
    own_server.kill()
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("a.ndjson") as log:
            for number in range(50):
                log.log_data("voltage", {}, {"v": number})
            errors = tmp_path / "server.err"
            until("it is said", lambda: "Records stay in their files" in errors.read_text())
            own_server.start()
            database.await_count(50)
        assert logger.terminate() == 0
    assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_a_server_ends_cleanly_while_the_store_is_away_and_the_next_one_copies_the_rest(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    database = StoreDatabase(own_server)
    own_server.kill()
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("a.ndjson") as log:
            log.log_data("voltage", {}, {"v": 1})
        assert logger.terminate() == 0
    own_server.start()
    with LoggerProcess(tmp_path, *database.options()) as logger:
        database.await_count(1)
    assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_an_answer_to_commit_that_is_lost_makes_no_record_twice(
    database: StoreDatabase, tmp_path: Path
) -> None:
    with (
        ChaosProxy(f"ipv4:127.0.0.1:{database.server.port}") as proxy,
        LoggerProcess(tmp_path, *database.options(port=proxy.port)) as logger,
    ):
        with logger.client("a.ndjson") as log:
            log.log_data("voltage", {}, {"v": 0})
            for number in range(1, 100, 20):
                database.await_count(number)
                until("the server knows it", lambda: _waiting_logs(logger) == 0)
                proxy.loses_replies = True
                for value in range(number, number + 20):
                    log.log_data("voltage", {}, {"v": value})
                database.await_count(number + 1)  # committed, but the server does not know it
                proxy.loses_replies = False
                proxy.cut()
        assert logger.terminate() == 0
    assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_an_answer_that_never_comes_is_not_awaited_for_ever(database: StoreDatabase) -> None:
    with ChaosProxy(f"ipv4:127.0.0.1:{database.server.port}") as proxy:
        store = Statements(parse_address(database.url(port=proxy.port)), patience=1.0)
        proxy.loses_replies = True
        with closing(store), pytest.raises(StoreAwayError, match="no answer within 1 s"):
            store.open_log(uuid4(), STATION, "a.ndjson", 1)


def _waiting_logs(logger: LoggerProcess) -> int:
    """Return how many logs of a server have records that the store has not confirmed."""
    with connect(logger.connect(presence=False)) as connection:
        info = connection.lifecycle.GetServerInfo(lifecycle_pb2.GetServerInfoRequest(), timeout=60)
    return int(info.counters["store_waiting_logs"])


def test_a_full_disk_of_the_engine_delays_records_and_loses_none(
    binaries: Binaries, tmp_path: Path
) -> None:
    """Only root can make a small disk."""
    mount = shutil.which("mount")
    disk = binaries.new_folder() / "disk"
    disk.mkdir()
    small = ["-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if mount is None or subprocess.run([mount, *small], capture_output=True).returncode:
        pytest.skip("no small disk that this user can mount")
    try:
        os.chown(disk, binaries.uid, binaries.uid)
        with PostgresServer(binaries) as server:
            with server.connected() as connection:
                connection.execute(f"create tablespace small location '{disk}'".encode())
            database = StoreDatabase(server, tablespace="small")
            write_records(tmp_path / "a.ndjson", 1, 40_000)
            with copying(tmp_path, database.url()) as forwarder:
                until("the disk is full", lambda: forwarder.figures.away_since is not None)
                subprocess.run([mount, "-o", "remount,size=512m", str(disk)], check=True)
                until("all is copied", lambda: forwarder.figures.records == 40_000)
            assert database.lines() == lines_in(tmp_path / "a.ndjson")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_server_without_a_free_connection_is_tried_again(
    own_server: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = StoreDatabase(own_server)
    write_records(tmp_path / "a.ndjson", 1, 10)
    with contextlib.ExitStack() as held:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.enter_context(own_server.connected(database.name, STATION))
        with copying(tmp_path, database.url()) as forwarder:
            until("it is refused", lambda: forwarder.figures.outages > 0)
            held.close()
            until("all is copied", lambda: forwarder.figures.records == 10)
    assert "connection" in caplog.text
    assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_a_station_whose_role_was_revoked_goes_on_when_it_has_it_again(
    database: StoreDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "a.ndjson"
    write_records(log, 1, 10)
    copy_all(tmp_path, database.url())
    database.query(f"revoke json_logger_station from {STATION}")
    write_records(log, 11, 20)
    try:
        with copying(tmp_path, database.url()) as forwarder:
            until("it is refused", lambda: forwarder.figures.outages > 0)
            database.query(f"grant json_logger_station to {STATION}")
            until("all is copied", lambda: forwarder.figures.records == 10)
    finally:
        database.query(f"grant json_logger_station to {STATION}")
    assert "permission denied" in caplog.text
    assert database.lines() == lines_in(log)


def test_a_wrong_password_is_said_without_the_password(
    own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = StoreDatabase(own_server)
    database.query(f"alter role {STATION} password 'right-secret'")
    own_server.demand_password(STATION)
    passwords = tmp_path / "passwords"
    monkeypatch.setenv("PGPASSFILE", str(passwords))

    def note(password: str) -> None:
        passwords.write_text(f"*:*:*:{STATION}:{password}\n")
        passwords.chmod(stat.S_IRUSR | stat.S_IWUSR)

    note("wrong-secret")
    folder = tmp_path / "logs"
    folder.mkdir()
    with LoggerProcess(folder, *database.options()) as logger:
        with logger.client("a.ndjson") as log:
            log.log_data("voltage", {}, {"v": 1})
        errors = folder / "server.err"
        until("it is said", lambda: "password authentication failed" in errors.read_text())
        note("right-secret")
        database.await_count(1)
        assert logger.terminate() == 0
    assert "secret" not in errors.read_text()


def test_an_engine_that_hangs_delays_neither_callers_nor_the_end_of_the_server(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    database = StoreDatabase(own_server)
    with (
        LoggerProcess(tmp_path, *database.options()) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("voltage", {}, {"v": 1})
        database.await_count(1)
        with own_server.stopped():
            for number in range(20):
                log.log_data("voltage", {}, {"v": number})
            log.close()
            assert logger.terminate() == 0
    copy_all(tmp_path, database.url())
    assert database.lines() == lines_in(tmp_path / "a.ndjson")


def test_a_store_that_was_restored_from_a_backup_gets_what_is_missing(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    database = StoreDatabase(own_server)
    write_records(tmp_path / "closed.ndjson", 1, 100, name="closed")
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("open.ndjson") as log:
            for number in range(50):
                log.log_data("voltage", {}, {"v": number})
            database.await_count(150)
            database.query(
                "delete from json_logger.log where name = 'closed.ndjson'; "
                "delete from json_logger.record where log not in (select id from json_logger.log) "
                "or seq > 20; "
                "update json_logger.log set last_seq = 20, last_sha256 = (select "
                "sha256(convert_to(line::text, 'UTF8')) from json_logger.record where seq = 20)"
            )
            own_server.kill()
            own_server.start()
            log.log_data("voltage", {}, {"v": "after the restore"})
            database.await_count(151)
        assert logger.terminate() == 0
    for name in ("closed.ndjson", "open.ndjson"):
        assert database.lines(log=name) == lines_in(tmp_path / name)
