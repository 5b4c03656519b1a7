"""Two stations run the four-site sequence, and one query sees the records of both."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from json_logger_client import read_log
from running_chain import running_chain
from runs import RUNS

pytest.importorskip("psycopg", reason="no PostgreSQL: psycopg is not installed")
pytest.importorskip("json_logger_server", reason="no store: json-logger-server is not installed")

from json_logger_server.store import parse_address
from json_logger_server.store.schema import initialise
from postgres_server import Binaries, PostgresServer
from store_database import StoreDatabase

STATIONS = ("north", "south")
(FOUR_SITES,) = (run for run in RUNS if run.sequence == "MeasureAndLogFourSites.seq")
RECORDS = 5
"""Records of one run: one of the SMU for all sites, and one of the DMM for each."""


def test_the_sequence_on_two_stations_ends_with_one_query_over_both(tmp_path: Path) -> None:
    with ExitStack() as stack:
        binaries = Binaries()
        stack.callback(binaries.remove)
        database = StoreDatabase(stack.enter_context(PostgresServer(binaries)))
        initialise(parse_address(database.url("postgres")), STATIONS)
        for station in STATIONS:
            (tmp_path / station).mkdir()
            options = database.options(station)
            chain = stack.enter_context(running_chain(tmp_path / station, logger_options=options))
            chain.run_sequence(FOUR_SITES)
            chain.stop()
            chain.find_nothing_left()
        found = database.query(
            "select station, count(*), count(*) filter (where status = 'passed'), "
            "count(distinct sequence ->> 'execution') "
            "from json_logger.measurement group by station order by station"
        )
        assert found == [(station, RECORDS, RECORDS, 1) for station in STATIONS]
        for station in STATIONS:
            log = tmp_path / station / "results" / "data" / "measurements.ndjson"
            stored = [*read_log(database.url("postgres"), station=station)]
            assert stored == [*read_log(log)]
