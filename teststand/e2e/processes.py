"""Start programs, wait until they are ready, and stop them; write their output to log files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

RUN_VARIABLE = "MEASURE_AND_LOG_E2E_RUN"
"""Environment variable that marks every process of a run, child processes included."""

_POLL = 0.02
_STOP_TIMEOUT = 60.0
_TAIL_LINES = 20


class ChainError(Exception):
    """A step of the chain failed.

    Args:
        message: Why the step failed.
        log: Log of the process that failed.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class Background:
    """A program that runs until it is stopped.

    Args:
        name: Name for messages.
        command: Program and arguments.
        log: File for its output.
        environment: Environment variables.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    **_own_group(),
                )
            except OSError as error:
                raise ChainError(f"{command[0]} cannot be started: {error.strerror}", log) from None

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        """Wait for a condition that the program will fulfil.

        Raises:
            ChainError: The program ended before, or took too long.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            code = self._process.poll()
            if code is not None:
                raise ChainError(f"{self.name} ended with code {code} before {what}", self.log)
            if time.monotonic() > deadline:
                raise ChainError(f"{self.name}: {what} took more than {timeout:g} s", self.log)
            time.sleep(_POLL)

    def stop(self) -> None:
        """Ask the program to end, and wait for it.

        Raises:
            ChainError: The program did not end in time, or ended with an error.
        """
        if self._process.poll() is None:
            _ask_to_end(self._process)
        try:
            code = self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ChainError(f"{self.name} did not stop in {_STOP_TIMEOUT:g} s", self.log) from None
        if code != 0:
            raise ChainError(f"{self.name} ended with code {code}", self.log)

    def end(self) -> None:
        """End the program, by force if necessary. Do nothing if it has ended already."""
        _end(self._process)


def run(
    command: Sequence[str], log: Path, environment: Mapping[str, str], timeout: float
) -> tuple[int, str]:
    """Run a program to its end.

    Args:
        command: Program and arguments.
        log: File for its standard error; its standard output is added.
        environment: Environment variables.
        timeout: Seconds after which it is ended.

    Returns:
        Its exit code and standard output.

    Raises:
        ChainError: The program cannot be started, or took too long.
    """
    with log.open("wb") as errors:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                **_own_group(),
            )
        except OSError as error:
            raise ChainError(f"{command[0]} cannot be started: {error.strerror}", log) from None
        said: list[bytes] = []
        reader = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
        reader.start()
        try:
            deadline = time.monotonic() + timeout
            while process.poll() is None:  # on Windows, Ctrl-C does not interrupt `communicate`
                if time.monotonic() > deadline:
                    raise ChainError(f"{Path(command[0]).stem} took over {timeout:g} s", log)
                time.sleep(_POLL)
            reader.join()
        finally:
            _end(process)
    output = b"".join(said)
    with log.open("ab") as everything:
        everything.write(output)
    return process.returncode, output.decode("utf-8", "replace")


def tail(log: Path | None) -> list[str]:
    """Return the last lines of a log."""
    if log is None or not log.exists():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]


def survivors(run_id: str) -> list[int]:
    """Return the ids of a run's processes that still run; only Linux and Windows can list them."""
    listed = _variables_on_windows() if sys.platform == "win32" else _variables_on_linux()
    return [pid for pid, of_run in listed if of_run == run_id and pid != os.getpid()]


def _variables_on_linux() -> Iterator[tuple[int, str]]:
    """Yield each process of this user with the run that it belongs to."""
    mark = f"{RUN_VARIABLE}=".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for one in variables:
            if one.startswith(mark):
                yield int(entry.name), one.removeprefix(mark).decode()


def _variables_on_windows() -> Iterator[tuple[int, str]]:
    """Yield each process of this user with the run that it belongs to."""
    import psutil  # the packages that the chain runs have it; this program alone needs nothing

    for process in psutil.process_iter():
        try:
            yield process.pid, process.environ().get(RUN_VARIABLE, "")
        except (psutil.Error, OSError):
            continue


def end_survivors(run_id: str) -> None:
    """End the remaining processes of a run by force."""
    for process_id in survivors(run_id):
        try:
            os.kill(process_id, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        except OSError:
            continue


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program whose result is not needed. First ask it to end, so that it cleans up."""
    if process.poll() is None:
        _ask_to_end(process)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _own_group() -> dict[str, Any]:
    """Return options by which Ctrl-C does not reach a program; the chain stops it in order."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":
        process.terminate()
        return
    import psutil
    from session_sharing.stop_event import ask_to_stop

    # An installed command is a launcher there, whose child process is the program.
    for one in psutil.Process(process.pid).children(recursive=True):
        ask_to_stop(one.pid)
    ask_to_stop(process.pid)
