"""A store in a database of its own, on a real PostgreSQL."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from json_logger_server.store import parse_address
from json_logger_server.store.schema import initialise
from postgres_server import RunningServer

STATION = "station7"
"""The login role of the first station; it is also the name of the station."""
_PATIENCE = 120.0


@dataclass
class StoreDatabase:
    """A new database with the tables of a store, and a role for a station."""

    server: RunningServer
    name: str = field(default_factory=lambda: f"records_{uuid.uuid4().hex[:12]}")
    tablespace: str = "pg_default"
    is_new: bool = True

    def __post_init__(self) -> None:
        if not self.is_new:
            return
        with self.server.connected() as connection:
            new = f"create database {self.name} tablespace {self.tablespace}"
            connection.execute(new.encode())
        initialise(parse_address(self.url("postgres")), [STATION])

    @classmethod
    def of_existing(cls, server: RunningServer, name: str) -> StoreDatabase:
        """Return a store that exists already, such as one on a standby."""
        return cls(server, name, is_new=False)

    def url(self, role: str = STATION, port: int = 0) -> str:
        """Return the URL of the store for a role."""
        return self.server.url(self.name, role, port)

    def options(self, role: str = STATION, port: int = 0) -> list[str]:
        """Return the options by which `json-logger serve` copies to this store."""
        return [f"--store={self.url(role, port)}", f"--station={role}"]

    def query(self, text: str, *values: Any, role: str = "postgres") -> list[tuple[Any, ...]]:
        """Return the rows of a query, made by the administrator."""
        with self.server.connected(self.name, role) as connection:
            cursor = connection.execute(text.encode(), values or None)
            return list(cursor) if cursor.description else []

    def count(self) -> int:
        """Return the number of records."""
        return int(self.query("select count(*) from json_logger.record")[0][0])

    def lines(self, station: str = STATION, log: str = "%") -> list[bytes]:
        """Return the lines of the logs of a station, in the order of their numbers."""
        found = self.query(
            "select coalesce(r.parked, convert_to(r.line::text, 'UTF8')) from json_logger.record r "
            "join json_logger.log l on l.id = r.log where l.station = %s and l.name like %s "
            "order by l.series, r.seq",
            station,
            log,
        )
        return [bytes(row[0]) for row in found]

    def await_count(self, count: int) -> None:
        """Wait until the store has so many records."""
        for _ in self.until(f"{count} records"):
            if self.count() >= count:
                return

    def until(self, what: str) -> Iterator[None]:
        """Yield until the caller leaves the loop; fail after a long time."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            yield
            time.sleep(0.02)
        raise AssertionError(f"the store did not get {what}")


def lines_in(path: Path) -> list[bytes]:
    """Return the whole lines of a file."""
    return path.read_bytes().split(b"\n")[:-1]
