"""P11: a long backlog is copied with flat memory, and delays no other log."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import linear_regression

import psutil
import pytest
from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer
from store_database import StoreDatabase
from store_logs import copying, line, until, write_records


def test_a_backlog_delays_no_other_log(binaries: Binaries, tmp_path: Path) -> None:
    write_records(tmp_path / "old.ndjson", 1, 200_000, name="old")
    with PostgresServer(binaries) as server:
        database = StoreDatabase(server)
        server.kill()
        with (
            LoggerProcess(tmp_path, *database.options()) as logger,
            logger.client("new.ndjson") as log,
        ):
            log.log_data("voltage", {}, {"v": 1})
            server.start()
            database.await_count(200_001)
        stored = dict(
            database.query(
                "select l.name, max(r.stored) from json_logger.record r "
                "join json_logger.log l on l.id = r.log group by l.name"
            )
        )
        assert stored["new.ndjson"] < stored["old.ndjson"]


@pytest.mark.soak
def test_two_million_records_are_copied_with_flat_memory(
    binaries: Binaries, tmp_path: Path
) -> None:
    records, settled = 2_000_000, 500_000
    with (tmp_path / "a.ndjson").open("wb") as file:
        for seq in range(1, records + 1):
            file.write(line(seq) + b"\n")
    os.utime(tmp_path / "a.ndjson", (1e9, 1e9))
    process = psutil.Process()
    copied, memory = [], []
    with PostgresServer(binaries, settings={"max_wal_size": "4GB"}) as server:
        database = StoreDatabase(server)
        with copying(tmp_path, database.url()) as forwarder:
            figures = forwarder.figures

            def is_done() -> bool:
                if figures.records >= settled:
                    copied.append(float(figures.records))
                    memory.append(float(process.memory_info().rss))
                return figures.records == records

            until("all is copied", is_done)
        assert database.count() == records
    slope = linear_regression(copied, memory).slope
    assert slope * (records - settled) <= 1_000_000
