"""Run examples by the command `platform-sim`, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LIMIT = 300
"""Seconds for one command. It is much more than any example takes."""

_STOP = 30
"""Seconds for the end of the platform."""

_PLATFORM_SIM = [sys.executable, "-m", "platform_sim.cli"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a command."""

    what: str
    """The pin map of a measurement, or the sequence. It is empty without a pin map."""

    passed: bool
    """Whether it ran to the end without an error."""

    seconds: float
    """How long it took, with the start of the plug-in."""

    told: str
    """A few words about the result."""

    details: list[str] = field(default_factory=list)
    """The lines of the error."""


class Commands:
    """Commands for one platform.

    Args:
        state_file: The platform's state file.
    """

    def __init__(self, state_file: Path) -> None:
        self._state = f"--state-file={state_file}"

    @contextmanager
    def running_platform(self, work: Path) -> Iterator[None]:
        """Run a platform that starts the copied examples, inside a with statement."""
        folders = [f"--plugins={work / 'examples'}", f"--file-root={work}"]
        command = ["up", *folders, f"--log-dir={work / 'logs'}", self._state]
        process = subprocess.Popen(
            [*_PLATFORM_SIM, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready, or has ended
            yield
        finally:
            process.terminate()
            process.communicate(timeout=_STOP)

    def execute(self, command: list[str], folder: Path, python_path: str) -> int:
        """Run a program that finds the platform, in a folder, and return its exit code."""
        environment = {**os.environ, "PYTHONPATH": python_path}
        program = [*_PLATFORM_SIM, "exec", self._state, "--", *command]
        return subprocess.run(program, cwd=folder, env=environment, check=False).returncode

    def measure(self, service_class: str, pin_map: Path | None, settings: list[str]) -> Outcome:
        """Run a plug-in one time, with its own defaults but for some settings."""
        options = [f"--pin-map={pin_map}"] if pin_map else []
        options += [f"--set={setting}" for setting in settings]
        done, seconds = self._run("measure", service_class, "--json", *options)
        what = pin_map.name if pin_map else ""
        if done.returncode:
            return Outcome(what, False, seconds, "FAILED", done.stderr.splitlines())
        updates = [json.loads(line) for line in done.stdout.splitlines()]
        return Outcome(what, True, seconds, _shown(updates[-1]))

    def run(self, sequence: Path) -> Outcome:
        """Run a sequence. It passes if it does, and if no step was skipped."""
        done, seconds = self._run("run", str(sequence), "--json")
        if not done.stdout:
            return Outcome(sequence.name, False, seconds, "FAILED", done.stderr.splitlines())
        result = json.loads(done.stdout)
        skipped = [step["step"] for step in result["steps"] if step["status"] == "Skipped"]
        passed = result["passed"] and not done.returncode and not skipped
        told = f"{len(result['steps'])} steps" if passed else "FAILED"
        details = [*done.stderr.splitlines(), *(f"skipped: {step}" for step in skipped)]
        return Outcome(sequence.name, passed, seconds, told, [] if passed else details)

    def _run(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
        start = time.monotonic()
        done = subprocess.run(
            [*_PLATFORM_SIM, *arguments, self._state],
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        return done, time.monotonic() - start


def _shown(outputs: dict[str, object]) -> str:
    """Return outputs as short text."""
    if not outputs:
        return "no outputs"
    values = (
        f"{len(value)} values" if isinstance(value, list) and len(value) > 4 else str(value)
        for value in outputs.values()
        if not isinstance(value, dict)
    )
    return ", ".join(values) if len(outputs) < 6 else f"{len(outputs)} outputs"
