"""Create the tables, functions and roles of a store, and bring older ones up to date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from json_logger_proto.store import (
    StoreAddress,
    StoreVersionError,
    check_encoding,
    connect,
    store_errors,
)
from psycopg import errors, sql

_FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})-.+\.sql")
_LOCK = 0x6A6C_6F67
"""Key of the lock by which one `init` of a database waits for another."""
_OTHER_INIT = (errors.UniqueViolation, errors.DuplicateObject, errors.InternalError_)
"""How PostgreSQL refuses a role that an `init` of another database changes at the same time."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    """From 1, without gaps."""
    text: str
    """SQL."""


def migrations() -> list[Migration]:
    """Return all steps that this program knows, in their order."""
    named = ((_NAME.fullmatch(path.name), path) for path in sorted(_FOLDER.iterdir()))
    return [
        Migration(int(name[1]), path.read_text(encoding="utf-8")) for name, path in named if name
    ]


VERSION = len(migrations())
"""Version of the schema that this program makes and needs. It works with newer ones, too."""


def initialise(
    address: StoreAddress,
    stations: Sequence[str] = (),
    steps: Sequence[Migration] | None = None,
) -> list[int]:
    """Create the store, or bring it up to date. To do this again is safe.

    Args:
        address: The database, with an administrator's role.
        stations: Login roles to create for stations, if they do not exist. They have no password
            yet.
        steps: The migrations; those of this program if not given.

    Returns:
        Numbers of the migrations that were applied.

    Raises:
        StoreVersionError: The store is of a newer version, or its database is not in UTF-8.
        StoreError: The store is away, or the role may not do this.
    """
    steps = migrations() if steps is None else steps
    with store_errors(address), connect(address) as connection:
        check_encoding(connection, address)
        for _ in range(_ATTEMPTS - 1):
            with suppress(*_OTHER_INIT):
                return _apply(connection, address, stations, steps)
        return _apply(connection, address, stations, steps)


def _apply(
    connection: psycopg.Connection[Any],
    address: StoreAddress,
    stations: Sequence[str],
    steps: Sequence[Migration],
) -> list[int]:
    """Make the roles, and apply the migrations that are missing, in one transaction."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(_script("roles.sql"))
        for station in stations:
            _add_station(connection, station)
        connection.execute("set local role json_logger_owner")
        there = _version(connection)
        if there > len(steps):
            raise StoreVersionError(
                f"The store {address.shown} has version {there}, and this program knows only "
                f"version {len(steps)}. Use a newer json-logger to change it; stations of this "
                "version can go on writing."
            )
        new = [step for step in steps if step.number > there]
        for step in new:
            connection.execute(step.text.encode())
            connection.execute(
                "insert into json_logger.migration (number) values (%s)", [step.number]
            )
    return [step.number for step in new]


def _script(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def _version(connection: psycopg.Connection[Any]) -> int:
    """Return the number of the last migration; 0 for a new store."""
    found = connection.execute("select to_regclass('json_logger.migration') is not null").fetchone()
    if found is None or not found[0]:
        return 0
    found = connection.execute("select max(number) from json_logger.migration").fetchone()
    return int(found[0] or 0) if found else 0


def _add_station(connection: psycopg.Connection[Any], role: str) -> None:
    name = sql.Identifier(role)
    found = connection.execute("select from pg_roles where rolname = %s", [role]).fetchone()
    if found is None:
        connection.execute(sql.SQL("create role {} login").format(name))
    connection.execute(sql.SQL("grant json_logger_station to {}").format(name))
