"""The tables, functions and roles of a store: made once, brought forward, closed to others."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from json_logger_server.store import (
    LogMovedError,
    LogRefusedError,
    StoreAwayError,
    StoreError,
    StoreVersionError,
    parse_address,
)
from json_logger_server.store.blocks import make_block
from json_logger_server.store.schema import VERSION, Migration, initialise, migrations
from json_logger_server.store.statements import Statements, StoredLog
from postgres_server import Binaries, PostgresServer, RunningServer
from store_database import STATION, StoreDatabase, lines_in
from store_logs import copy_all, copying, line, until, write_records

OTHER = "station8"


def opened(database: StoreDatabase, role: str = STATION) -> Statements:
    return Statements(parse_address(database.url(role)))


def begin(store: Statements, records: int = 10) -> StoredLog:
    """Begin a log with some records."""
    log = store.open_log(uuid4(), STATION, "a.ndjson", 1)
    if records:
        lines = b"".join(line(seq) + b"\n" for seq in range(1, records + 1))
        store.replicate(log, 0, make_block(lines, 0, records))
    return log


def test_init_can_be_done_again(database: StoreDatabase) -> None:
    address = parse_address(database.url("postgres"))
    assert initialise(address, [STATION]) == []
    assert database.query("select json_logger.version()") == [(VERSION,)]


def test_the_databases_of_one_server_can_be_initialised_at_once(
    postgres: RunningServer,
) -> None:
    databases = [f"at_once_{number}_{uuid4().hex[:8]}" for number in range(8)]
    with postgres.connected() as connection:
        for name in databases:
            connection.execute(f"create database {name}".encode())
    initialise(parse_address(postgres.url(databases[0])))
    role = f"station_{uuid4().hex[:8]}"
    together = threading.Barrier(len(databases))

    def begin_store(name: str) -> None:
        address = parse_address(postgres.url(name))
        together.wait(60)
        initialise(address, [role])

    with ThreadPoolExecutor(len(databases)) as pool:
        list(pool.map(begin_store, databases))
    for name in databases:
        assert initialise(parse_address(postgres.url(name)), [role]) == []


def test_init_brings_an_older_store_forward_and_an_older_program_refuses_to_go_back(
    database: StoreDatabase, tmp_path: Path
) -> None:
    address = parse_address(database.url("postgres"))
    more = Migration(VERSION + 1, "alter table json_logger.log add column rack text;")
    assert initialise(address, steps=[*migrations(), more]) == [VERSION + 1]
    with pytest.raises(StoreVersionError, match="newer json-logger"):
        initialise(address)
    write_records(tmp_path / "a.ndjson", 1, 10)
    copy_all(tmp_path, database.url())  # a station of the older version goes on
    assert database.count() == 10


def test_a_station_that_is_newer_than_its_store_waits_until_the_store_is_brought_forward(
    postgres: RunningServer, tmp_path: Path
) -> None:
    with postgres.connected() as connection:
        connection.execute("drop database if exists older")
        connection.execute("create database older")
    address = parse_address(postgres.url("older", "postgres"))
    initialise(address, [STATION], steps=migrations()[:1])
    write_records(tmp_path / "a.ndjson", 1, 10)
    with copying(tmp_path, postgres.url("older", STATION)) as forwarder:
        until("it tells the outage", lambda: forwarder.figures.outages == 1)
        assert initialise(address) == [*range(2, VERSION + 1)]
        until("it has copied", lambda: forwarder.figures.records == 10)


def test_a_migration_that_fails_changes_nothing(database: StoreDatabase) -> None:
    address = parse_address(database.url("postgres"))
    bad = Migration(VERSION + 1, "create table json_logger.more (); select 1 / 0;")
    with pytest.raises(StoreError, match="division by zero"):
        initialise(address, steps=[*migrations(), bad])
    assert database.query("select to_regclass('json_logger.more')") == [(None,)]
    assert database.query("select json_logger.version()") == [(VERSION,)]


def test_a_database_in_another_encoding_is_refused(postgres: RunningServer) -> None:
    with postgres.connected() as connection:
        connection.execute("drop database if exists latin")
        connection.execute("create database latin encoding 'LATIN1' template template0")
    with pytest.raises(StoreVersionError, match="encoding LATIN1"):
        initialise(parse_address(postgres.url("latin")))


def test_an_administrator_who_is_no_superuser_can_init(binaries: Binaries) -> None:
    with PostgresServer(binaries) as server:
        with server.connected() as connection:
            connection.execute("create role manager login createrole createdb")
        with server.connected(user="manager") as connection:
            connection.execute("create database managed")
        address = parse_address(server.url("managed", "manager"))
        assert initialise(address, [STATION]) == [1, 2]
        assert initialise(address, [STATION]) == []
        with closing(Statements(parse_address(server.url("managed", STATION)))) as store:
            begin(store)


def test_a_database_without_a_store_is_said(postgres: RunningServer) -> None:
    with pytest.raises(StoreVersionError, match="json-logger store init"):
        Statements(parse_address(postgres.url()))


def test_the_owner_of_the_functions_is_no_superuser_and_cannot_log_in(
    database: StoreDatabase,
) -> None:
    owners = database.query(
        "select distinct r.rolname, r.rolsuper, r.rolcanlogin from pg_proc p "
        "join pg_roles r on r.oid = p.proowner "
        "where p.pronamespace = 'json_logger'::regnamespace"
    )
    assert owners == [("json_logger_owner", False, False)]


def test_every_function_for_stations_has_a_fixed_search_path_and_is_closed_to_the_public(
    database: StoreDatabase,
) -> None:
    rows = database.query(
        "select proname, proconfig::text, exists (select from aclexplode(proacl) where grantee = 0)"
        "from pg_proc where pronamespace = 'json_logger'::regnamespace and proacl is not null"
    )
    assert len(rows) >= 9
    for name, settings, is_public in rows:
        assert "search_path=pg_catalog, pg_temp" in settings, name
        assert not is_public, name


@pytest.mark.parametrize(
    "attempt",
    [
        lambda store, log: store.replicate(log, 10, make_block(line(11) + b"\n", 10, 1)),
        lambda store, log: store.park(log, 10, make_block(line(11) + b"\n", 10, 1), "because"),
    ],
)
def test_a_station_cannot_write_the_log_of_another_one(
    database: StoreDatabase, attempt: Callable[[Statements, StoredLog], None]
) -> None:
    initialise(parse_address(database.url("postgres")), [OTHER])
    with closing(opened(database)) as store, closing(opened(database, OTHER)) as stranger:
        log = begin(store)
        with pytest.raises(LogRefusedError, match="not yours"):
            attempt(stranger, log)
        stranger.close_log(log, 10)
    assert database.query("select last_seq, closed from json_logger.log") == [(10, None)]
    assert database.count() == 10


def test_a_station_cannot_take_over_the_log_of_another_one(database: StoreDatabase) -> None:
    initialise(parse_address(database.url("postgres")), [OTHER])
    uid = uuid4()
    with closing(opened(database)) as store, closing(opened(database, OTHER)) as stranger:
        store.open_log(uid, STATION, "a.ndjson", 1)
        with pytest.raises(LogRefusedError, match="not yours"):
            stranger.open_log(uid, OTHER, "a.ndjson", 1)


def test_a_station_sees_only_its_own_logs_and_no_table(database: StoreDatabase) -> None:
    initialise(parse_address(database.url("postgres")), [OTHER])
    with closing(opened(database)) as store, closing(opened(database, OTHER)) as stranger:
        log = begin(store)
        assert len(store.rows("select * from json_logger.logs()")) == 1
        assert stranger.rows("select * from json_logger.logs()") == []
        assert store.digest(log.id, 1, 10)[0] == 10
        assert stranger.digest(log.id, 1, 10) == (0, None)
        for table in ("log", "record", "measurement", "migration"):
            with pytest.raises(StoreAwayError, match="permission denied"):
                stranger.rows(f"select * from json_logger.{table}")
        with pytest.raises(StoreAwayError, match="permission denied"):
            stranger.rows("select json_logger.move_on(1, 1, 10, 1, ''::bytea)")
        with pytest.raises(StoreAwayError, match="permission denied"):
            stranger.prune(0, 1000)


def test_a_role_without_the_stations_role_can_do_nothing(database: StoreDatabase) -> None:
    database.query("create role nobody_known login")
    with pytest.raises(StoreAwayError, match="permission denied"):
        opened(database, "nobody_known")


def test_a_reader_reads_everything_and_writes_nothing(database: StoreDatabase) -> None:
    database.query("create role analyst login in role json_logger_reader")
    with closing(opened(database)) as store:
        log = begin(store)
    with closing(opened(database, "analyst")) as reader:
        assert len(reader.rows("select * from json_logger.measurement")) == 10
        assert len(reader.rows("select * from json_logger.logs()")) == 1
        assert reader.digest(log.id, 1, 10)[0] == 10
        with pytest.raises(StoreAwayError, match="permission denied"):
            reader.open_log(uuid4(), STATION, "a.ndjson", 1)
        with pytest.raises(StoreAwayError, match="permission denied"):
            reader.rows("delete from json_logger.record")


def test_another_generation_is_fenced(database: StoreDatabase) -> None:
    with closing(opened(database)) as store:
        log = begin(store)
        database.query("update json_logger.log set generation = 2")
        with pytest.raises(LogRefusedError, match="taken the log over"):
            store.replicate(log, 10, make_block(line(11) + b"\n", 10, 1))


def test_records_are_added_only_after_the_last_one(database: StoreDatabase) -> None:
    with closing(opened(database)) as store:
        log = begin(store)
        block = make_block(line(12) + b"\n", 11, 1)
        for prev_seq in (9, 11):
            with pytest.raises(LogMovedError):
                store.replicate(log, prev_seq, block)
        assert store.digest(log.id, 1, 100)[0] == 10


def test_the_view_has_the_fields_of_records(database: StoreDatabase, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(
        line(1, units={"v": "V"}, limits={"v": {"low": 1}}, status="passed", uut={"serial": "7"})
        + b"\n"
        + line(2, measurement_outputs={"t": "a\0b"})
        + b"\n"
    )
    copy_all(tmp_path, database.url())
    rows = database.query(
        "select station, log_name, seq, name, writer, configurations, outputs, units, limits, "
        "status, uut from json_logger.measurement order by seq"
    )
    assert rows == [
        (
            STATION, "a.ndjson", 1, "voltage", "test", {"range": 10}, {"v": 0.125}, {"v": "V"},
            {"v": {"low": 1}}, "passed", {"serial": "7"},
        ),
        (STATION, "a.ndjson", 2, "voltage", *[None] * 7),
    ]  # fmt: skip


def test_the_digest_is_that_of_the_lines(database: StoreDatabase, tmp_path: Path) -> None:
    write_records(tmp_path / "a.ndjson", 1, 10)
    copy_all(tmp_path, database.url())
    with closing(opened(database)) as store:
        log = int(store.rows("select id from json_logger.logs()")[0]["id"])
        lines = b"\n".join(lines_in(tmp_path / "a.ndjson")[2:5])
        assert store.digest(log, 3, 5) == (3, hashlib.sha256(lines).digest())
