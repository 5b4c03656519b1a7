"""A store for each test, in a database of its own."""

from __future__ import annotations

import pytest
from postgres_server import PostgresServer
from store_database import StoreDatabase


@pytest.fixture
def database(postgres: PostgresServer) -> StoreDatabase:
    return StoreDatabase(postgres)
