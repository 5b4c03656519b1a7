"""Run the Python interpreters of code modules: one process for each environment."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from platform_sim.sequence.errors import InterpreterError, StepError
from platform_sim.sequence.model import PythonCall, PythonEnvironment
from platform_sim.sequence.waits import LONGEST_WAIT

_CHILD = Path(__file__).parent / "interpreter_child"
_STOP_TIMEOUT = 10.0
_FIRST_REPLY = 0
"""The interpreter sends its version before the first request."""


class Interpreter:
    """A Python process that loads code modules and calls into them.

    Args:
        executable: The Python to run.
        environment: Environment variables of the process.
        wanted_version: Such as ``3.11``; empty for any version.

    Raises:
        InterpreterError: The Python cannot be started, or has another version.
    """

    def __init__(
        self, executable: Path, environment: Mapping[str, str], wanted_version: str = ""
    ) -> None:
        self._executable = executable
        self._requests = itertools.count(1)
        self._replies: dict[int, dict[str, Any]] = {}
        self._news = threading.Event()
        self._has_ended = False
        try:
            self._process = subprocess.Popen(
                [str(executable), "-u", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=dict(environment),
                encoding="utf-8",
            )
        except OSError as error:
            raise InterpreterError(f"{executable} cannot be started: {error}.") from error
        threading.Thread(target=self._read_replies, name="replies", daemon=True).start()
        version = ".".join(map(str, self._receive(_FIRST_REPLY)["version"]))
        if wanted_version and not f"{version}.".startswith(f"{wanted_version}."):
            self.close()
            raise InterpreterError(
                f"The step needs Python {wanted_version}, but {executable} is Python {version}. "
                "Make the virtual environment with that version, or choose another Python "
                "with 'platform-sim run --python'."
            )

    def call(
        self, call: PythonCall, module: Path, arguments: list[Any], instance: Any, context: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Execute the call of a Python step.

        Args:
            call: The step's call.
            module: Absolute path of the code module.
            arguments: As JSON values.
            instance: The object of an instance operation, as JSON value.
            context: The data of the sequence context, as JSON value.

        Returns:
            The return value as JSON value, and the variables after the call.

        Raises:
            StepError: The code module raised an error.
            InterpreterError: The interpreter ended.
        """
        reply = self._exchange(
            {
                "op": "call",
                "module": str(module),
                "function": call.function,
                "operation": call.operation.value,
                "scope": call.scope.value,
                "class_name": call.class_name,
                "instance": instance,
                "arguments": arguments,
                "context": context,
            }
        )
        if "error" in reply:
            raise StepError(reply["error"], reply["traceback"])
        return reply["value"], reply["context"]

    def describe(self, call: PythonCall, module: Path) -> dict[str, Any]:
        """Import the module of a call and return its function's arguments, without calling it."""
        return self._exchange(
            {
                "op": "describe",
                "module": str(module),
                "function": call.function,
                "class_name": call.class_name,
            }
        )

    def close(self) -> None:
        """End the process. This frees the resources of its code modules."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended already
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        number = next(self._requests)
        with contextlib.suppress(OSError):  # _receive reports how the process ended
            self._process.stdin.write(json.dumps({"id": number, **request}) + "\n")
            self._process.stdin.flush()
        return self._receive(number)

    def _read_replies(self) -> None:
        """Read in an own thread. So an interrupt of the main thread loses no part of a reply."""
        assert self._process.stdout is not None
        try:
            with self._process.stdout as lines:
                for line in lines:
                    self._take(line)
        finally:
            self._has_ended = True
            self._news.set()

    def _take(self, line: str) -> None:
        try:
            reply = json.loads(line)
            self._replies[reply["id"]] = reply
        except (ValueError, TypeError, KeyError):  # output of the Python itself at its start
            sys.stderr.write(line)
        self._news.set()

    def _receive(self, number: int) -> dict[str, Any]:
        """Wait for the reply to a request. The reply to an interrupted request is ignored."""
        while True:
            self._news.clear()
            has_ended = self._has_ended
            if number in self._replies:
                return self._replies.pop(number)
            if has_ended:
                code = self._process.wait()
                raise InterpreterError(
                    f"The Python interpreter of the code modules ({self._executable}) ended with "
                    f"code {code}."
                )
            self._news.wait(LONGEST_WAIT)


class Interpreters:
    """Start the interpreter of an environment when a step first needs it.

    Args:
        sequence_file: The sequence file. Environments are relative to its folder.
        environment: Environment variables of the processes.
        executable: Python to use for all steps, instead of the one that the step names.
        report: Called with a line for the user if another Python than the named one is used.
    """

    def __init__(
        self,
        sequence_file: Path,
        environment: Mapping[str, str],
        executable: Path | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        self._report = report
        self._folder = sequence_file.parent
        self._environment = environment
        self._executable = executable
        self._running: dict[tuple[Path, str], Interpreter] = {}

    def get(self, wanted: PythonEnvironment) -> Interpreter:
        """Return the interpreter of an environment.

        Raises:
            InterpreterError: The interpreter cannot be started.
        """
        key = self._locate(wanted)
        if key not in self._running:
            self._running[key] = Interpreter(key[0], self._environment, key[1])
            if self._report is not None and self._is_missing(wanted):
                self._report(_substitution(wanted))
        return self._running[key]

    def close(self) -> None:
        """End every interpreter."""
        while self._running:
            self._running.popitem()[1].close()

    def __enter__(self) -> Interpreters:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every interpreter."""
        self.close()

    def _locate(self, wanted: PythonEnvironment) -> tuple[Path, str]:
        """Return the Python of an environment, and the version that it must have.

        If the sequence's virtual environment is missing, this returns the Python of this process.
        """
        if self._executable is not None:
            return self._executable, ""
        if not wanted.path or self._is_missing(wanted):
            return Path(sys.executable), ""
        return self._python_of(wanted), wanted.version

    def _is_missing(self, wanted: PythonEnvironment) -> bool:
        """Return whether a step needs an environment that does not exist."""
        is_needed = self._executable is None and bool(wanted.path)
        return is_needed and not self._python_of(wanted).exists()

    def _python_of(self, wanted: PythonEnvironment) -> Path:
        environment = self._folder / wanted.path.replace("\\", "/")
        return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _substitution(wanted: PythonEnvironment) -> str:
    version = f" with Python {wanted.version}" if wanted.version else ""
    runs = f"the Python {sys.version.split()[0]} of platform-sim runs the code modules"
    return f"the virtual environment {wanted.path}{version} does not exist, so {runs}"
