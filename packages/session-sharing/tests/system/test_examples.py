"""The tutorial's examples, run as processes, do what docs/new-resource.md says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from processes import EXAMPLES, eventually

LOCK, OUTPUT = EXAMPLES / "hardware_lock.py", EXAMPLES / "power_output.py"
Start = Callable[..., "subprocess.Popen[str]"]


def _hears(process: subprocess.Popen[str], text: str) -> bool:
    assert process.stdout
    return text in process.stdout.read(len(text))


def test_a_new_resource_without_calls_takes_fewer_than_sixty_lines() -> None:
    assert len(LOCK.read_text().splitlines()) < 60


def test_two_processes_share_a_lock_and_a_killed_holder_hands_it_over(
    folder: Path, start: Start
) -> None:
    start(LOCK, "serve")
    eventually((folder / "lock-server.json").exists, within=10)
    holder = start(LOCK, "hold", "scope-1")
    assert _hears(holder, "holding scope-1")

    refused = start(LOCK, "hold", "scope-1")
    assert "SessionAlreadyOpenError" in refused.communicate()[0]
    holder.kill()

    def the_next_one_holds_it() -> bool:
        return "holding scope-1" in start(LOCK, "hold", "scope-1").communicate("\n")[0]

    # Each try starts another Python, which takes time, too.
    eventually(the_next_one_holds_it, within=30)


def test_a_process_that_waits_gets_the_lock_when_its_holder_is_killed(
    folder: Path, start: Start
) -> None:
    start(LOCK, "serve")
    eventually((folder / "lock-server.json").exists, within=10)
    holder = start(LOCK, "hold", "scope-1")
    assert _hears(holder, "holding scope-1")
    waiting = start(LOCK, "hold", "scope-1", 60)
    holder.kill()

    assert _hears(waiting, "holding scope-1")


def test_an_output_is_switched_off_when_its_holder_dies(folder: Path, start: Start) -> None:
    supply = folder / "supplies" / "supply-1"
    supply.parent.mkdir()
    supply.write_text("off")
    start(OUTPUT, "serve")
    eventually((folder / "output-server.json").exists, within=10)
    holder = start(OUTPUT, "hold", "supply-1")
    assert _hears(holder, "supply-1 is on")
    assert supply.read_text() == "on"

    holder.kill()

    eventually(lambda: supply.read_text().startswith("off: silent"), within=2)
