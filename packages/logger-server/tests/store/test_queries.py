"""The queries of docs/stations.md answer what the page says, for a role that may only read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from store_database import StoreDatabase
from store_logs import copy_all, line, write_log

PAGE = Path(__file__).parents[4] / "docs" / "stations.md"
QUERIES = dict(
    re.findall(r"^\*\*([^*]+)\*\*[^`]*?.*?^```sql\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
)
NOW = datetime.now(timezone.utc)


def at(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def store(database: StoreDatabase, tmp_path: Path) -> StoreDatabase:
    """A store with the records of two stations: three units on the first, one of which failed."""
    for station, units in {"first": ["passed", "passed", "failed"], "second": ["passed"]}.items():
        folder = tmp_path / station
        folder.mkdir()
        lines = [
            line(
                2 * number + part + 1,
                timestamp=at(number - 60),
                measurement_outputs={"v": 10 * number + part},
                units={"v": "V"},
                status=status if part else "passed",
                uut={"serial": f"u{number}"},
                sequence={"execution": "e1"},
            )
            for number, status in enumerate(units)
            for part in range(2)
        ]
        write_log(folder / "a.ndjson", lines)
        copy_all(folder, database.url(), station)
    database.query(
        "do $$ begin if not exists (select from pg_roles where rolname = 'reader') then "
        "create role reader login in role json_logger_reader; end if; end $$"
    )
    return database


def rows(store: StoreDatabase, title: str) -> list[tuple[Any, ...]]:
    return store.query(QUERIES[title].replace("%", "%%"), role="reader")


def test_the_page_has_five_queries() -> None:
    assert list(QUERIES) == ["Yield", "Last value", "Trend", "The stations' lag", "Gaps"]


def test_yield_counts_units_and_not_records(store: StoreDatabase) -> None:
    assert rows(store, "Yield") == [
        ("first", 2, 3, Decimal("66.7")),
        ("second", 1, 1, Decimal("100.0")),
    ]


def test_last_value_is_one_row_for_each_measurement_of_a_station(store: StoreDatabase) -> None:
    found = [(row[0], row[1], row[3]["v"], row[4], row[5]) for row in rows(store, "Last value")]
    assert [(row[0], row[1], row[3], row[4]) for row in found] == [
        ("first", "voltage", {"v": "V"}, "failed"),
        ("second", "voltage", {"v": "V"}, "passed"),
    ]
    assert found[0][2] == 21


def test_trend_gives_numbers_in_the_order_of_time(store: StoreDatabase) -> None:
    found = rows(store, "Trend")
    times = [row[0] for row in found]
    assert times == sorted(times) and len(times) == 8
    assert sorted(row[2] for row in found if row[1] == "first") == [0, 1, 10, 11, 20, 21]


def test_lag_tells_how_long_a_station_is_silent_and_how_late_it_was(store: StoreDatabase) -> None:
    for station, minutes in (("first", 58), ("second", 60)):
        (row,) = (row for row in rows(store, "The stations' lag") if row[0] == station)
        assert timedelta(0) <= row[2] < timedelta(minutes=30)
        assert timedelta(minutes=minutes) <= row[3] < timedelta(minutes=minutes + 30)


def test_gaps_are_found(store: StoreDatabase) -> None:
    assert rows(store, "Gaps") == []
    store.query("delete from json_logger.record where seq = 3")
    assert rows(store, "Gaps") == [("first", "a.ndjson", 4, 2)]
