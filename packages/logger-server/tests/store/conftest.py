"""A real PostgreSQL for all tests of a store, and a database of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from postgres_server import OUTSIDE, Binaries, PostgresServer, RunningServer
from store_database import StoreDatabase


@pytest.fixture(scope="session")
def binaries() -> Iterator[Binaries]:
    """The programs of PostgreSQL."""
    found = Binaries()
    yield found
    found.remove()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A PostgreSQL that all tests share; each makes a database of its own."""
    if port := os.environ.get(OUTSIDE):
        yield RunningServer(int(port))
        return
    with PostgresServer(request.getfixturevalue("binaries")) as server:
        yield server


@pytest.fixture
def database(postgres: RunningServer) -> StoreDatabase:
    """A new store."""
    return StoreDatabase(postgres)
