"""The database example: each program has a transaction, which is rolled back when it dies."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from example_resources import Start, line, prepare, send, serve
from postgres_server import Binaries, PostgresServer
from processes import eventually

USER = """
import sys
from session_sharing import ConnectOptions
from sql_database import STATE, DatabaseSession

with DatabaseSession("results", ConnectOptions.from_state_file(STATE)) as database:
    print("new" if database.new_session else "attached")
    for text in sys.stdin:
        print(database.execute(text.strip(), commit=text.startswith("COMMITTED")))
"""
INSERT = "INSERT INTO run VALUES ({})"


@dataclass
class Engine:
    """A database, and the numbers in its table `run` as another program sees them."""

    url: str
    numbers: Callable[[], list[int]]
    may_write: Callable[[], bool] = lambda: True


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    binaries = Binaries()
    with PostgresServer(binaries) as server:
        with server.connected() as connection:
            connection.execute("CREATE TABLE run (number int)")
        yield server
    binaries.remove()


@pytest.fixture
def sqlite(folder: Path) -> Engine:
    path = folder / "results.db"

    def numbers() -> list[int]:
        with closing(sqlite3.connect(path)) as connection:
            return [row[0] for row in connection.execute("SELECT number FROM run ORDER BY 1")]

    def may_write() -> bool:
        try:
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE run (number int)")
    return Engine(f"sqlite:///{path.as_posix()}", numbers, may_write)


@pytest.fixture
def postgresql(postgres: PostgresServer) -> Engine:
    def numbers() -> list[int]:
        with postgres.connected() as connection:
            return [row[0] for row in connection.execute("SELECT number FROM run ORDER BY 1")]  # type: ignore[misc]

    with postgres.connected() as connection:
        connection.execute("TRUNCATE run")
    return Engine(postgres.url().replace("postgresql:", "postgresql+psycopg:"), numbers)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def user(folder: Path, start: Start) -> Callable[[], subprocess.Popen[str]]:
    """Starts programs that use the database `results` through the example's server."""
    prepare("sql", folder)
    (folder / "user.py").write_text(USER.replace("COMMITTED", "INSERT INTO run VALUES (1)"))
    return lambda: start("user.py")


def serve_database(engine: Engine, folder: Path, start: Start) -> None:
    (folder / "databases.json").write_text(json.dumps({"results": engine.url}))
    serve("sql_database.py", start)


def ask(user: subprocess.Popen[str], text: str) -> str:
    send(user, text)
    return line(user)


def test_what_a_killed_program_did_not_commit_is_rolled_back(
    engine: Engine, folder: Path, start: Start, user: Callable[[], subprocess.Popen[str]]
) -> None:
    serve_database(engine, folder, start)
    writer = user()
    assert line(writer) == "new"
    assert ask(writer, INSERT.format(1)) == "[]"  # this one is committed
    assert ask(writer, INSERT.format(2)) == "[]"
    assert ask(writer, "SELECT number FROM run ORDER BY 1") == "[{'number': 1}, {'number': 2}]"
    writer.kill()

    # The next program gets a session of its own, after the killed one's was closed.
    eventually(lambda: line(user()) == "new")
    assert engine.numbers() == [1]


def test_a_killed_program_that_attached_loses_its_own_part_only(
    engine: Engine, folder: Path, start: Start, user: Callable[[], subprocess.Popen[str]]
) -> None:
    serve_database(engine, folder, start)
    owner = user()
    assert line(owner) == "new"
    attached = user()
    assert line(attached) == "attached"
    assert ask(attached, INSERT.format(2)) == "[]"
    assert engine.numbers() == []
    attached.kill()

    eventually(engine.may_write, within=2)  # SQLite has one writer at a time
    assert ask(owner, INSERT.format(1)) == "[]"
    assert engine.numbers() == [1]


def test_a_program_that_is_killed_in_the_middle_of_a_statement_is_rolled_back_after_it(
    postgresql: Engine, folder: Path, start: Start, user: Callable[[], subprocess.Popen[str]]
) -> None:
    serve_database(postgresql, folder, start)
    owner = user()
    assert line(owner) == "new"
    attached = user()
    assert line(attached) == "attached"
    send(attached, "INSERT INTO run SELECT 2 FROM pg_sleep(3)")
    attached.kill()

    assert ask(owner, INSERT.format(1)) == "[]"
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"
    eventually(lambda: ask(owner, open_ones) == "[{'count': 0}]")
    assert postgresql.numbers() == [1]


def test_a_name_without_an_entry_is_no_database(
    sqlite: Engine, folder: Path, start: Start, user: Callable[[], subprocess.Popen[str]]
) -> None:
    serve_database(sqlite, folder, start)
    (folder / "databases.json").write_text("{}")

    assert "ResourceFailedError" in user().communicate(timeout=120)[0]
