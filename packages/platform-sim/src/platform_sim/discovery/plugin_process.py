"""Start and end one process of a plug-in, and keep its output."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path

from platform_sim.errors import PluginStartError
from platform_sim.exit_codes import describe_exit_code
from platform_sim.hook import DIE_WITH_PARENT_VARIABLE
from platform_sim.process_tree import START_OPTIONS, ProcessTree

_LAUNCHER = Path(__file__).with_name("launcher.py")
_OUTPUT_TAIL_BYTES = 4096
_OUTPUT_TAIL_LINES = 15
_DEAD_STATES = ("Z", "X")


class PluginProcess:
    """A started service with an open standard input. A log file gets its output.

    Plug-ins of the SDK's examples end when their standard input is closed. So it stays open, and
    closing it is the first way to end them.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log_file: Path
    ) -> None:
        """Start the process as the first one of a process tree.

        On Linux the calling thread must live as long as the process: the parent-death signal
        is bound to the thread.

        Raises:
            PluginStartError: The program cannot be started, or its log file cannot be written.
        """
        self.started = time.time()
        self.command = list(command)
        self.log_file = log_file
        if sys.platform == "linux":
            command = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *command]
        # A restart keeps the output of the previous run, which may say why that one ended.
        with _open_log(log_file) as output:
            self._first_byte = output.tell()
            try:
                self._process = subprocess.Popen(
                    _command_line(command),
                    cwd=folder,
                    env={**environment, DIE_WITH_PARENT_VARIABLE: "1", "PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    **START_OPTIONS,
                )
                self._tree = ProcessTree(self._process.pid)
            except (OSError, ValueError) as error:  # ValueError: the command contains a NUL
                raise PluginStartError(f"{self.command[0]!r} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._process.poll()

    def is_dying(self) -> bool:
        """Return whether the process ended, or was killed and its threads are about to end.

        Meanwhile Linux shows the process as a zombie, although its sockets still accept.
        """
        if self.exit_code() is not None:
            return True
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] in _DEAD_STATES

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit code, None if the process still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def ending(self) -> str:
        """Return how the process ended, such as "exit code 3"; "" while it runs."""
        code = self.exit_code()
        return "" if code is None else describe_exit_code(code)

    def describe_output(self) -> str:
        """Return a sentence with the last lines of this process's output."""
        output = self.last_output()
        if not output:
            return f"It wrote nothing. Command: {' '.join(self.command)}"
        return f"Its last output ({self.log_file}):\n{output}"

    def last_output(self) -> str:
        """Return the last lines of this process's output."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(self._first_byte, file.seek(0, os.SEEK_END) - _OUTPUT_TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-_OUTPUT_TAIL_LINES:])

    def close_input(self) -> None:
        """Close the standard input: the first, gentle way to stop a plug-in."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def release(self) -> None:
        """Close what belongs to an ended process, and end the children that it left."""
        self.close_input()
        self._tree.close()

    def terminate(self) -> None:
        """Ask the process and its children to end."""
        self._tree.terminate()

    def kill(self) -> None:
        """End the process and its children at once."""
        self._tree.kill()


def _command_line(command: Sequence[str]) -> str | list[str]:
    """Return a command as Popen needs it.

    On Windows, the command interpreter runs a .bat file. It needs quotation marks around a path
    with characters such as &, which Popen does not add.
    """
    if sys.platform == "win32":
        program, *arguments = command
        return f'"{program}" {subprocess.list2cmdline(arguments)}'.rstrip()
    return list(command)


def _open_log(file: Path) -> FileIO:
    """Open a log file for appending. A write that fails later would end the plug-in.

    Raises:
        PluginStartError: The file cannot be written, or its disk is full.
    """
    try:
        log = file.open("ab", buffering=0)
        try:
            _require_room(log)
        except OSError:
            log.close()
            raise
    except OSError as error:
        raise PluginStartError(
            f"The output of plug-ins cannot be written to {file} ({error.strerror}). Free "
            "some disk space, or start the platform with another --log-dir."
        ) from error
    return log


def _require_room(log: FileIO) -> None:
    end = log.tell()
    written = log.write(bytes(_OUTPUT_TAIL_BYTES))
    log.truncate(end)
    log.seek(end)
    if written < _OUTPUT_TAIL_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
