"""Start a separate lock server for every test that asks for one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from processes import LockServer, Process, count_attachments
from session_sharing.client import Connection, ConnectOptions, connect

pytest_plugins = ["own_station"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder with a short path, because a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="ss-") as name:
        yield Path(name)


@pytest.fixture
def keep() -> Iterator[Callable[[Process], Process]]:
    """Registers processes that must not outlive the test."""
    kept: list[Process] = []

    def register(process: Process) -> Process:
        kept.append(process)
        return process

    yield register
    for process in kept:
        process.end()


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python scripts in the test's folder, which end with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", *map(str, arguments)],
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def server(folder: Path, keep: Callable[[Process], Process]) -> LockServer:
    server = LockServer(folder)
    keep(server)
    return server


@pytest.fixture
def observer(server: LockServer) -> Iterator[Connection]:
    """A connection that only lists sessions."""
    with connect(ConnectOptions(server.target, presence=False)) as connection:
        yield connection


@pytest.fixture
def attachments_of(observer: Connection) -> Callable[[str], int | None]:
    """Counts the attachments to a resource's session; None when it has no session."""

    return partial(count_attachments, observer)
