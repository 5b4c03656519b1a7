"""Run a platform in a separate process, as a user does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from capabilities import SLOWNESS
from click.testing import CliRunner, Result
from platform_sim.cli import main
from platform_sim.state_file import PlatformState, read_state
from stopping_processes import OWN_CONSOLE, stop_process

READY = "platform-sim is ready"
DEADLINE = 40.0 * SLOWNESS


def command(*arguments: object) -> list[str]:
    """Return a command line of platform-sim on this Python."""
    return [sys.executable, "-m", "platform_sim.cli", *map(str, arguments)]


def clean_environment() -> dict[str, str]:
    """Return an environment that names no platform."""
    return {key: text for key, text in os.environ.items() if not key.startswith("PLATFORM_SIM")}


def temporary_files_in(folder: Path) -> dict[str, str]:
    """Return the variables by which a process puts its temporary files into a folder."""
    return dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))


def invoke(*arguments: object, state_file: Path | None = None, address: str = "") -> Result:
    """Run a verb of platform-sim in this process."""
    environment = {name: None for name in os.environ if name.startswith("PLATFORM_SIM")}
    named = {"PLATFORM_SIM_STATE_FILE": str(state_file)} if state_file else {}
    if address:
        named["PLATFORM_SIM_DISCOVERY"] = address
    return CliRunner().invoke(
        main,
        [str(one) for one in arguments],
        env={**environment, **named},
        prog_name="platform-sim",
    )


class PlatformProcess:
    """A started `platform-sim up`."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.state_file = folder / "state.json"
        self.process = subprocess.Popen(
            command("up", "--state-file", self.state_file, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            # The files of a killed platform are removed with the test's folder.
            env={**clean_environment(), **temporary_files_in(folder)},
            **OWN_CONSOLE,
        )
        self.ready_line = self._wait_until_ready()

    @property
    def state(self) -> PlatformState:
        state = read_state(self.state_file)
        assert state is not None
        return state

    @property
    def environment(self) -> dict[str, str]:
        """An environment whose state file is this platform's."""
        return {**clean_environment(), "PLATFORM_SIM_STATE_FILE": str(self.state_file)}

    def run(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run platform-sim in a process, against this platform."""
        done = subprocess.run(
            command(*arguments),
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def invoke(self, *arguments: object, exit_code: int = 0) -> Result:
        """Run a verb of platform-sim in this process, against this platform."""
        result = invoke(*arguments, state_file=self.state_file)
        assert result.exit_code == exit_code, result.output
        return result

    def stop(self) -> int:
        """Ask the platform to stop and return its exit code."""
        if self.process.poll() is None:
            with suppress(AssertionError):  # on Windows, one that is ending can no longer be asked
                stop_process(self.process.pid, signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def _wait_until_ready(self) -> str:
        assert self.process.stdout is not None
        self.output: list[str] = []
        for line in self.process.stdout:
            self.output.append(line)
            if line.startswith(READY):
                return line
        raise AssertionError("platform-sim ended before it was ready:\n" + "".join(self.output))


@contextmanager
def running_platform(folder: Path, *arguments: object) -> Iterator[PlatformProcess]:
    """Run a platform for the length of a with statement."""
    platform = PlatformProcess(folder, *arguments)
    try:
        yield platform
    finally:
        try:
            platform.stop()
        except subprocess.TimeoutExpired:
            platform.process.kill()
            raise


def wait_for_exit(pid: int, timeout: float) -> bool:
    """Return whether a process ends in time. A process that nobody reaps has ended, too."""
    deadline = time.monotonic() + timeout
    while not _has_ended(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool], timeout: float = DEADLINE) -> None:
    """Wait for a condition that no event announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not true within {timeout} s"
        time.sleep(0.01)
