"""A second resource takes under 60 lines, and the example is the one that the tutorial shows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import EXAMPLES, eventually

EXAMPLE = EXAMPLES / "hardware_lock.py"


def test_the_example_has_fewer_than_sixty_lines() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 60


@pytest.fixture
def start(folder: Path) -> Callable[..., subprocess.Popen[str]]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", str(EXAMPLE), *arguments],
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


@pytest.mark.skipif(os.name == "nt", reason="kills a process as POSIX does")
def test_two_processes_share_a_lock_and_a_killed_holder_hands_it_over(
    folder: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    start("serve")
    state = folder / "lock-server.json"
    eventually(state.exists, within=10)
    assert json.loads(state.read_text())["targets"]
    holder = start("hold", "scope-1")
    assert holder.stdout and "holding scope-1" in holder.stdout.read(15)

    refused = start("hold", "scope-1")
    assert "SessionAlreadyOpenError" in refused.communicate()[0]
    holder.send_signal(signal.SIGKILL)

    def next_one_holds_it() -> bool:
        said = start("hold", "scope-1").communicate("\n")[0]
        return "holding scope-1" in said

    # Each try starts a Python of its own, which takes a while as well.
    eventually(next_one_holds_it, within=5)
