"""Programs start a server or attach to it, and get one server; a stopped one leaves only a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import EXAMPLES, SUPPORT
from session_sharing.client import (
    ServerUnavailableError,
    attach_or_start,
    connect,
    start_server,
    stop_server,
)

COMMAND = [sys.executable, str(SUPPORT / "lock_server.py")]
PATIENCE = 200.0
"""Seconds within which a server must be ready; only one that hangs needs as long."""


@pytest.fixture
def state_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(EXAMPLES)]))
    yield folder / "lock.json"
    stop_server(folder / "lock.json")


def test_a_started_server_is_ready_and_a_stopped_one_leaves_only_its_log(state_file: Path) -> None:
    process = start_server(COMMAND, state_file, PATIENCE)
    assert connect(attach_or_start(COMMAND, state_file, PATIENCE)).is_connected()

    assert stop_server(state_file)

    assert process.wait(10) == 0
    assert [path.name for path in state_file.parent.rglob("*")] == ["lock.log"]
    assert not stop_server(state_file)


def test_many_programs_that_attach_or_start_at_once_get_one_server(state_file: Path) -> None:
    with ThreadPoolExecutor(6) as many:
        found = list(many.map(lambda _: attach_or_start(COMMAND, state_file, PATIENCE), range(6)))

    tokens = {options.token for options in found}
    assert len(tokens) == 1
    assert connect(found[0]).is_connected()


def test_a_server_that_is_killed_is_started_again(state_file: Path) -> None:
    process = start_server(COMMAND, state_file, PATIENCE)
    process.kill()
    process.wait()

    assert connect(attach_or_start(COMMAND, state_file, PATIENCE)).is_connected()


def test_the_error_names_a_command_that_is_not_installed(state_file: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="'no-such-server' is not installed"):
        attach_or_start(["no-such-server"], state_file)


def test_the_error_quotes_the_log_of_a_server_that_does_not_start(state_file: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="no-such-option"):
        start_server([*COMMAND, "--no-such-option"], state_file)
