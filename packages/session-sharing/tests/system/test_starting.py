"""Programs start a server or attach to it, and get one server; a stopped one leaves only a log."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from interrupts import INTERRUPT, interrupt_after
from processes import EXAMPLES, SUPPORT, eventually
from session_sharing.client import (
    ServerUnavailableError,
    attach_or_start,
    connect,
    start_server,
    stop_server,
)
from session_sharing.running_process import has_ended

COMMAND = [sys.executable, str(SUPPORT / "lock_server.py")]
PATIENCE = 200.0
"""Seconds within which a server must be ready; only one that hangs needs as long."""


@pytest.fixture
def state_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(EXAMPLES)]))
    yield folder / "lock.json"
    # On a busy machine, a server can be too slow to answer `stop_server` at once.
    eventually(lambda: stop_server(folder / "lock.json") or not (folder / "lock.json").exists())


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


class InterruptError(Exception):
    """Raised by a signal handler, as Ctrl-C raises KeyboardInterrupt."""


def test_an_interrupt_ends_the_wait_for_a_server_and_the_server(state_file: Path) -> None:
    started = state_file.with_name("started")
    silent = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))"
    command = [sys.executable, "-c", f"{silent}; time.sleep(600)", str(started)]

    def interrupt() -> None:
        eventually(lambda: started.exists() and started.read_text() != "", within=60)
        interrupt_after(0.01)

    def fail(*_: object) -> None:
        raise InterruptError

    before = signal.signal(INTERRUPT, fail)
    threading.Thread(target=interrupt).start()
    begun = time.monotonic()
    try:
        with pytest.raises(InterruptError):
            start_server(command, state_file, timeout=200)
    finally:
        signal.signal(INTERRUPT, before)
    assert time.monotonic() - begun < 100
    eventually(lambda: has_ended(int(started.read_text())))


def test_the_error_names_a_command_that_is_not_installed(state_file: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="'no-such-server' is not installed"):
        attach_or_start(["no-such-server"], state_file)


def test_the_error_quotes_the_log_of_a_server_that_does_not_start(state_file: Path) -> None:
    with pytest.raises(ServerUnavailableError, match="no-such-option"):
        start_server([*COMMAND, "--no-such-option"], state_file)
