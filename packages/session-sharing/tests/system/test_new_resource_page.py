"""The code that docs/new-resource.md prints works as a lock, from an empty folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from printed_pages import blocks
from processes import EXAMPLES

PAGE = "new-resource.md"
Start = Callable[..., "subprocess.Popen[str]"]

HOLD_BY_CONSTRUCTOR = """
import sys
from ni.measurementlink.sessionmanagement.v1.client import (
    SessionInformation,
    SessionInitializationBehavior,
)
behavior = SessionInitializationBehavior[sys.argv[1]]
info = SessionInformation("scope-1", "scope-1", "", "HardwareLock", False, [])
with LockConstructor(behavior)(info) as lock:
    input(f"holding {lock.resource} ")
"""


@pytest.fixture(autouse=True)
def code(folder: Path) -> None:
    """Write the page's code into an empty folder."""
    lock = next(block for block in blocks(PAGE, "python") if "class HardwareLock" in block)
    constructor = next(
        block for block in blocks(PAGE, "python") if "class LockConstructor" in block
    )
    (folder / "hardware_lock.py").write_text(lock)
    (folder / "constructed.py").write_text(constructor + HOLD_BY_CONSTRUCTOR)


def says(process: subprocess.Popen[str], text: str) -> bool:
    assert process.stdout
    return text in process.stdout.read(len(text))


@pytest.fixture
def holder(folder: Path, start: Start) -> subprocess.Popen[str]:
    """The page's server, and a process that holds the lock."""
    server = start("hardware_lock.py", "serve")
    while not (folder / "lock-server.json").exists():
        assert server.poll() is None, server.communicate()[0]
    holder = start("hardware_lock.py", "hold", "scope-1")
    assert says(holder, "holding scope-1")
    return holder


def test_the_page_prints_the_example_that_the_package_has() -> None:
    assert (EXAMPLES / "hardware_lock.py").read_text() in blocks(PAGE, "python")


def test_the_second_holder_is_refused_and_learns_who_has_the_lock(
    holder: subprocess.Popen[str], start: Start
) -> None:
    refused = start("hardware_lock.py", "hold", "scope-1")
    said = refused.communicate(timeout=120)[0]
    assert "SessionAlreadyOpenError" in said
    assert f"hardware_lock.py, pid {holder.pid}" in said


@pytest.mark.parametrize(
    "behavior",
    [
        "AUTO",
        "INITIALIZE_SERVER_SESSION",
        "ATTACH_TO_SERVER_SESSION",
        "ATTACH_TO_SESSION_THEN_CLOSE",
    ],
)
def test_a_plugin_does_not_get_a_lock_in_use_whatever_behavior_it_asks_for(
    holder: subprocess.Popen[str], start: Start, behavior: str
) -> None:
    refused = start("constructed.py", behavior)
    assert "SessionAlreadyOpenError" in refused.communicate(timeout=120)[0]


def test_the_lock_comes_free_when_its_holder_is_killed(
    holder: subprocess.Popen[str], start: Start
) -> None:
    holder.kill()
    while True:  # each try is refused until the holder's window is over
        following = start("constructed.py", "AUTO")
        said = following.communicate("\n", timeout=120)[0]
        if "holding scope-1" in said:
            return
        assert "SessionAlreadyOpenError" in said
