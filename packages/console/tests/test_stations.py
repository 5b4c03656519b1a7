"""The page of all stations, with a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from postgres_server import Binaries, PostgresServer
from processes import eventually
from running_station import Station
from store_database import StoreDatabase


@pytest.fixture(scope="module")
def database() -> Iterator[StoreDatabase]:
    binaries = Binaries()
    try:
        with PostgresServer(binaries) as server:
            yield StoreDatabase(server)
    finally:
        binaries.remove()


def test_the_logs_of_a_station_are_shown_with_their_last_record(
    station: Station, database: StoreDatabase
) -> None:
    station.start_logger(*database.options())
    console = station.start_console(f"--store={database.url('postgres')}")
    visitor = console.visit()
    with station.open_log() as log:
        for number in range(25):
            log.log_data("m", {}, {"v": number})
        with visitor.live("/stations") as events:  # the store is asked while somebody looks
            for event in events:
                if "station7" in event.data and ">25</td>" in event.data:
                    break
            eventually(lambda: "This station has copied" in visitor.page("/stations"), 60)
    page = visitor.page("/stations")
    assert "test.ndjson" in page
    assert "This station has copied" in page
    console.check_unharmed()


def test_a_store_that_does_not_answer_is_shown_as_such(station: Station) -> None:
    console = station.start_console("--store=postgresql://nobody@127.0.0.1:1/nothing")
    visitor = console.visit()
    with visitor.live("/stations"):
        eventually(lambda: "does not answer since" in visitor.page("/stations"), 60)


def test_without_a_store_the_page_says_how_to_name_one(station: Station) -> None:
    assert "measurement-console --store" in station.start_console().visit().page("/stations")


def test_a_store_with_a_password_in_its_url_is_refused_and_never_repeated() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "measurement_console", "--store", "postgresql://u:s3cret@h/d"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "password file" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
