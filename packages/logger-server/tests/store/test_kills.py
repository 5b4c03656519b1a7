"""P11: server and engine are killed at random moments; the store gets every record once."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from json_logger_client import StreamOptions
from json_logger_server.store import parse_address
from json_logger_server.store.comparing import compare, local_files, stored_logs
from json_logger_server.store.statements import Statements
from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer
from session_sharing import SessionSharingError
from store_database import STATION, StoreDatabase, lines_in

_TOGETHER = 20
"""Kills of one store, before everything is compared, and a new one is begun."""
LOGS = ("a.ndjson", "line 1/b.ndjson")


@pytest.fixture
def server(binaries: Binaries) -> Iterator[PostgresServer]:
    with PostgresServer(binaries) as server:
        yield server


class Load:
    """Threads that log as fast as they can until their server is gone."""

    def __init__(self, logger: LoggerProcess) -> None:
        self._logger = logger
        self._threads = [threading.Thread(target=self._log, args=(name,)) for name in LOGS]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _log(self, file: str) -> None:
        try:
            with ExitStack() as stack:
                log = self._logger.client(file)
                stack.callback(log.connection.close)
                log.connection.options = replace(log.connection.options, timeout=0.3)
                stream = log.stream(StreamOptions(max_batch_records=50))
                with stream:
                    for number in range(1_000_000):
                        stream.log("voltage", {"log": file}, {"n": number, "t": "a\0b"})
                        if number % 50 == 49:
                            stream.flush()
        except SessionSharingError:
            pass


@pytest.mark.parametrize("kills", [6, pytest.param(1000, marks=pytest.mark.soak)])
def test_nothing_is_lost_doubled_or_out_of_order(
    server: PostgresServer, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)
    for number in range(0, kills, _TOGETHER):
        folder = tmp_path / str(number)
        (folder / "line 1").mkdir(parents=True)
        database = StoreDatabase(server)
        for _ in range(min(_TOGETHER, kills)):
            kill_once(database, folder, chance, server)
            if not server.is_running:
                server.start()
        check_equal(database, folder)
        shutil.rmtree(folder)


def test_a_server_that_is_killed_stores_every_record_once(
    database: StoreDatabase, tmp_path: Path
) -> None:
    (tmp_path / "line 1").mkdir()
    for _ in range(3):
        kill_once(database, tmp_path, random.Random())
    check_equal(database, tmp_path)


def kill_once(
    database: StoreDatabase,
    folder: Path,
    chance: random.Random,
    engine: PostgresServer | None = None,
) -> None:
    """Log for a random time; kill the server, and often the engine, too."""
    with LoggerProcess(folder, *database.options(), "--rotate-size=200000") as logger:
        load = Load(logger)
        threading.Event().wait(chance.uniform(0.0, 0.7))
        if engine is not None and chance.random() < 0.5:
            engine.kill()
            if chance.random() < 0.5:
                engine.start()
            threading.Event().wait(chance.uniform(0.0, 0.3))
        logger.kill()
        load.join()


def check_equal(database: StoreDatabase, folder: Path) -> None:
    """Copy the rest, and compare all files with the store in two ways."""
    files = [file for name in LOGS for file in local_files(folder / name)]
    records = sum(file.last_seq - file.first.seq + 1 for file in files)
    with LoggerProcess(folder, *database.options()) as logger:
        database.await_count(records)
        assert logger.terminate() == 0
    with closing(Statements(parse_address(database.url()))) as store:
        stored = stored_logs(store)
        for file in files:
            found = compare(store, file, stored[file.first.uid(STATION)])
            assert found.is_equal, found
    for name in LOGS:
        lines = [line for file in local_files(folder / name) for line in lines_in(file.path)]
        assert database.lines(log=name) == lines
    assert database.query(
        "select count(*) from (select l.series, r.seq - lag(r.seq) over (partition by l.series "
        "order by r.seq) as step from json_logger.record r join json_logger.log l on l.id = r.log) "
        "as steps where step <> 1"
    ) == [(0,)]
    assert database.count() == records
