"""A real PostgreSQL for all tests of a store, and a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_server import Binaries, PostgresServer
from store_database import StoreDatabase


@pytest.fixture(scope="session")
def binaries() -> Iterator[Binaries]:
    """The programs of PostgreSQL."""
    found = Binaries()
    yield found
    found.remove()


@pytest.fixture(scope="session")
def postgres(binaries: Binaries) -> Iterator[PostgresServer]:
    """A PostgreSQL that all tests share; each makes a database of its own."""
    with PostgresServer(binaries) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> StoreDatabase:
    """A new store."""
    return StoreDatabase(postgres)
