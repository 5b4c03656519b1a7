"""A signal to a run lets Cleanup run, whichever thread gets the signal."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from capabilities import needs_signals, needs_signals_to_threads
from platform_process import DEADLINE
from platform_sim.sequence.interrupts import Interrupts
from platform_sim.sequence.reports import Notes
from threads import signal_another_thread

if TYPE_CHECKING:
    from conftest import Bench
    from platform_sim.sequence.model import Group
    from platform_sim.sequence.results import StepResult

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


@contextmanager
def started(bench: Bench) -> Iterator[subprocess.Popen[str]]:
    """Run a sequence whose code module waits for a file, and wait until that step has started."""
    bench.module("slow.py", SLOW)
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "run", bench.sequence(CALLS), "--python", sys.executable],
        env={**os.environ, "PLATFORM_SIM_DISCOVERY": NO_PLATFORM},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stderr is not None
            while "working" not in process.stderr.readline():
                assert process.poll() is None
            yield process
        finally:
            process.kill()


@needs_signals_to_threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_another_thread_takes_interrupts_the_step_at_once(
    bench: Bench, number: signal.Signals
) -> None:
    with started(bench) as process:
        assert process.stdout is not None
        signal_another_thread(process.pid, number)
        told = iter(process.stdout.readline, "")
        next(line for line in told if "interrupted by the user" in line)
        (bench.folder / "go-on").touch()

        output, errors = process.communicate(timeout=DEADLINE)

        assert process.returncode == 130, output + errors
        assert "gave up" not in errors
        assert "closed" in errors


class Interrupter(Notes):
    """Send a signal at the start or end of steps."""

    def __init__(self, *moments: str) -> None:
        self._moments = moments

    def step_started(self, group: Group, step: str) -> None:
        self._send(f"{step} starts")

    def step_ended(self, result: StepResult) -> None:
        self._send(f"{result.step} ended")

    def _send(self, moment: str) -> None:
        if moment in self._moments:
            signal.raise_signal(signal.SIGTERM)


THREE_STEPS = (
    "".join(
        f"[[{group}]]\nname = '{name}'\n"
        for group, name in (("setup", "open"), ("main", "measure"), ("cleanup", "close"))
    )
    + "[[cleanup]]\nname = 'leave'\n"
)
CLEANED = ["Cleanup close: Done", "Cleanup leave: Done"]


@pytest.mark.parametrize(
    ("moment", "before"),
    [
        ("open starts", ["Setup open: Error"]),
        ("open ended", ["Setup open: Done"]),
        ("measure starts", ["Setup open: Done", "Main measure: Error"]),
        ("measure ended", ["Setup open: Done", "Main measure: Done"]),
        ("close starts", ["Setup open: Done", "Main measure: Done"]),
        ("close ended", ["Setup open: Done", "Main measure: Done"]),
    ],
)
def test_a_signal_between_steps_ends_the_run_with_cleanup(
    bench: Bench, moment: str, before: list[str]
) -> None:
    with Interrupts() as interrupts:
        result = bench.run(THREE_STEPS, listener=Interrupter(moment), interrupts=interrupts)

    assert result.interrupted
    assert bench.trace(result) == before + CLEANED


def test_a_second_signal_ends_cleanup_too(bench: Bench) -> None:
    both = Interrupter("measure starts", "close starts")
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        bench.run(THREE_STEPS, listener=both, interrupts=interrupts)


MANY_STEPS = (
    "".join(f"[[main]]\nname = '{n}'\nmodule = 'quick.py'\nfunction = 'work'\n" for n in range(300))
    + "[[cleanup]]\nname = 'close'\nmodule = 'quick.py'\nfunction = 'close'\n"
)
QUICK = SLOW.replace("for _ in range(1000)", "for _ in range(0)").replace("gave up", "done")


@needs_signals
@pytest.mark.parametrize("rounds", [5, pytest.param(300, marks=pytest.mark.soak)])
def test_cleanup_runs_whenever_the_signal_comes(bench: Bench, rounds: int) -> None:
    bench.module("quick.py", QUICK)
    sequence = bench.sequence(MANY_STEPS)
    choose = random.Random(rounds)
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", RUN, "run", sequence, "--python", sys.executable],
            env={**os.environ, "PLATFORM_SIM_DISCOVERY": NO_PLATFORM},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                assert process.stderr is not None
                lines = [process.stderr.readline() for _ in range(choose.randrange(1, 400))]
                process.send_signal(choose.choice([signal.SIGINT, signal.SIGTERM]))
                # On a busy machine the signal may come when Cleanup has run and Python ends.
                errors = "".join(lines) + process.communicate(timeout=DEADLINE)[1]
            finally:
                process.kill()
            assert "closed" in errors or process.returncode == 0
            assert "Traceback" not in errors
