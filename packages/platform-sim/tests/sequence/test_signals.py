"""A run that is told to stop goes on with Cleanup, whichever of its threads takes the signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from platform_process import DEADLINE
from threads import signal_another_thread

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tgkill is Linux's")

NO_PLATFORM = "127.0.0.1:1"
RUN = """
import threading, time
from platform_sim.cli import main
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
main()
"""
SLOW = """
import sys, time
from pathlib import Path

def work():
    print("working", file=sys.stderr, flush=True)
    for _ in range(1000):
        if Path(__file__).with_name("go-on").exists():
            return
        time.sleep(0.01)
    print("gave up", file=sys.stderr, flush=True)

def close():
    print("closed", file=sys.stderr, flush=True)
"""
CALLS = """
[[main]]
name = "work"
module = "slow.py"
function = "work"
[[cleanup]]
name = "close"
module = "slow.py"
function = "close"
"""


def started(bench: Bench) -> subprocess.Popen[str]:
    """Runs a sequence whose code module works until it is let go on, and waits for that step."""
    bench.module("slow.py", SLOW)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "run", bench.sequence(CALLS), "--python", sys.executable],
        env={**os.environ, "PLATFORM_SIM_DISCOVERY": NO_PLATFORM},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    while "working" not in process.stderr.readline():
        assert process.poll() is None
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_another_thread_takes_interrupts_the_step_at_once(
    bench: Bench, number: signal.Signals
) -> None:
    process = started(bench)
    assert process.stdout is not None
    signal_another_thread(process.pid, number)
    told = iter(process.stdout.readline, "")
    next(line for line in told if "interrupted by the user" in line)
    (bench.folder / "go-on").touch()

    output, errors = process.communicate(timeout=DEADLINE)

    assert process.returncode == 130, output + errors
    assert "gave up" not in errors
    assert "closed" in errors
