"""P11: what is in a log reaches the store once, in order, without gaps, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from logger_process import LoggerProcess
from postgres_server import PostgresServer
from store_database import StoreDatabase, lines_in


@pytest.fixture
def database(postgres: PostgresServer) -> StoreDatabase:
    return StoreDatabase(postgres)


def test_records_reach_the_store_byte_for_byte(database: StoreDatabase, tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("a.ndjson") as log:
            for number in range(100):
                log.log_data("voltage", {"n": number}, {"v": [1.5, float("nan")], "t": "a\0b"})
            database.await_count(100)
        assert logger.terminate() == 0
    assert database.lines() == lines_in(tmp_path / "a.ndjson")
