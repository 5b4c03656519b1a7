"""Start and stop a server of this user, or find the one that runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from session_sharing.client.background import WAIT
from session_sharing.client.connection import Connection
from session_sharing.client.errors import ServerUnavailableError
from session_sharing.client.options import ConnectOptions
from session_sharing.client.running import RunningServer
from session_sharing.core.errors import InvalidArgumentError
from session_sharing.places import append_private
from session_sharing.running_process import has_ended
from session_sharing.stop_event import ask_to_stop

_PROBE_SECONDS = 2.0


def start_server(
    command: Sequence[str], state_file: Path, timeout: float = 20.0
) -> subprocess.Popen[str]:
    """Start a server and wait for its ready line.

    Use `attach_or_start` when the server may run already. The server continues when this process
    ends. It writes its log into a file beside its state file.

    Args:
        command: The program with its arguments; ``--state-file`` is added.
        state_file: The state file that the server is to write.
        timeout: Seconds within which it must be ready.

    Raises:
        ServerUnavailableError: The program is not installed, ended, or did not become ready.
        NotPermittedError: Another user can have made the log file beside the state file.
    """
    program = shutil.which(command[0])
    if program is None:
        raise ServerUnavailableError(
            f"The command {command[0]!r} is not installed. Install it, or pass its path."
        )
    state_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = state_file.with_suffix(".log")
    try:
        log_stream = append_private(log)
    except OSError as error:
        raise ServerUnavailableError(
            f"The server's log file {log} cannot be written: {error.strerror}. Name another state "
            "file."
        ) from error
    with log_stream:
        process = subprocess.Popen(
            [program, *command[1:], "--state-file", str(state_file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_stream,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    try:
        is_ready = _is_ready(process, timeout)
    except BaseException:  # Ctrl-C: nobody would know of the server
        process.kill()
        process.wait()
        raise
    if not is_ready:
        process.kill()
        process.wait()
        last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
        raise ServerUnavailableError(
            f"{command[0]} did not become ready within {timeout:g} s. The last lines of its log, "
            f"{log}:\n{last}"
        )
    return process


def stop_server(state_file: Path, timeout: float = 20.0) -> bool:
    """Stop the server of a state file cleanly and wait until it has ended.

    Returns:
        Whether there was one.

    Raises:
        ServerUnavailableError: It still runs after `timeout` seconds, or cannot be asked.
        NotPermittedError: Another user can have written the state file; nothing is stopped.
    """
    server = _find_running(state_file)
    if server is None:
        return False
    if not ask_to_stop(server.pid):
        raise ServerUnavailableError(
            f"Process {server.pid}, the server at {server.target()}, cannot be asked to stop."
        )
    deadline = time.monotonic() + timeout
    while state_file.exists() or _holds_files(server.pid):
        if time.monotonic() > deadline:
            raise ServerUnavailableError(
                f"The server at {server.target()}, process {server.pid}, has not stopped within "
                f"{timeout:g} s. Wait, or end the process."
            )
        time.sleep(0.02)
    return True


def attach_or_start(
    command: Sequence[str], state_file: Path, timeout: float = 20.0
) -> ConnectOptions:
    """Find the server of a state file, or start it. Several programs may do so at once.

    Args:
        command: The program with its arguments; ``--state-file`` is added.
        state_file: The server's state file.
        timeout: Seconds within which a server must be ready.

    Returns:
        Options to connect to it.

    Raises:
        ServerUnavailableError: There is none, and it cannot be started.
        NotPermittedError: Another user can have written the state file.
    """
    deadline = time.monotonic() + timeout
    while True:
        server = _find_running(state_file)
        if server is not None:
            return ConnectOptions.of_server(server)
        try:
            start_server(command, state_file, max(0.1, deadline - time.monotonic()))
        except ServerUnavailableError:
            # Another program may have started the server meanwhile; it becomes ready soon.
            if shutil.which(command[0]) is None or time.monotonic() > deadline:
                raise


def _holds_files(pid: int) -> bool:
    """Return whether the system keeps the files of a process from being removed while it runs."""
    return sys.platform == "win32" and not has_ended(pid)


def _find_running(state_file: Path) -> RunningServer | None:
    """Return the server of a state file, if it answers."""
    try:
        server = RunningServer.read(state_file)
    except InvalidArgumentError:
        return None
    options = ConnectOptions.of_server(server)
    with Connection(replace(options, presence=False)) as connection:
        return server if connection.is_connected(_PROBE_SECONDS) else None


def _is_ready(process: subprocess.Popen[str], timeout: float) -> bool:
    """Wait for the ready line; False when none comes in time, or the server has ended."""
    stream = process.stdout
    assert stream is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(stream.readline()), daemon=True)
    reader.start()
    deadline = time.monotonic() + timeout
    while reader.is_alive() and (left := deadline - time.monotonic()) > 0:
        reader.join(min(left, WAIT))
    return bool(lines and lines[0])
