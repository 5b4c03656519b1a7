"""Start processes for tests by their ready line; stop and kill them, and leave none behind."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from capabilities import HAS_UNIX_SOCKETS
from session_sharing.client import Connection
from session_sharing.stop_event import ask_to_stop
from session_sharing.v1 import lifecycle_pb2 as pb

SUPPORT = Path(__file__).parent
EXAMPLES = SUPPORT.parent.parent / "examples"

_ports: dict[Path, int] = {}
"""Of the servers of each folder, where there are no unix sockets."""


class Process:
    """A Python script with which the test exchanges lines."""

    def __init__(self, script: str, *arguments: object, more_path: Path | None = None) -> None:
        folders = [SUPPORT, EXAMPLES, *([more_path] if more_path else [])]
        path = os.pathsep.join(map(str, folders))
        self.popen = subprocess.Popen(
            [sys.executable, str(SUPPORT / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def line(self) -> str:
        """Return the next line of the process; its last lines if it prints no more."""
        assert self.popen.stdout and self.popen.stderr
        said = self.popen.stdout.readline().strip()
        return said or f"ended: {self.popen.stderr.read()}"

    def send(self, command: str) -> None:
        assert self.popen.stdin
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()

    def stop(self) -> None:
        """Suspend the process; it still exists."""
        for process in self._tree():
            process.suspend()

    def go_on(self) -> None:
        for process in self._tree():
            process.resume()

    def _tree(self) -> list[psutil.Process]:
        """Return the process and its children: on Windows, a Python of an environment has one."""
        process = psutil.Process(self.popen.pid)
        return [process, *process.children(recursive=True)]

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def terminate(self) -> int:
        ask_to_stop(self._tree()[-1].pid)
        return self.popen.wait(20)

    def end(self) -> None:
        """End the process in any state."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.go_on()
        self.kill()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            assert stream
            with contextlib.suppress(OSError):
                stream.close()


class LockServer(Process):
    """The lock example, run as a process."""

    def __init__(self, folder: Path, window: float = 0.5, grace: float = 2.0) -> None:
        address = server_address(folder)
        self.target = address.replace("tcp:", "ipv4:")
        self.state = folder / "state.json"
        options = (f"--listen={address}", f"--window={window}", f"--grace={grace}")
        super().__init__("lock_server.py", f"--state-file={self.state}", "--anonymous", *options)
        assert self.line() == "ready"

    def client(self, resource: str, behavior: str = "AUTO") -> Process:
        return Process("holder.py", self.target, resource, behavior)


def server_address(folder: Path) -> str:
    """Return where a server of this folder listens, the same when it is started anew."""
    if HAS_UNIX_SOCKETS:
        return f"unix:{folder}/s/lock"
    if folder not in _ports:
        with socket.create_server(("127.0.0.1", 0)) as free:
            _ports[folder] = free.getsockname()[1]
    return f"tcp:127.0.0.1:{_ports[folder]}"


def count_attachments(observer: Connection, resource: str) -> int | None:
    """Count the attachments to a resource's session; None when it has no session."""
    found = observer.call(observer.lifecycle.ListSessions, pb.ListSessionsRequest())
    for session in found.sessions:
        if session.resource == resource:
            return len(session.attachments)
    return None


def eventually(what: Callable[[], bool], within: float = 30.0) -> float:
    """Wait until a condition is true.

    Returns:
        The seconds it took.
    """
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < within, f"not within {within} s"
        time.sleep(0.01)
    return time.monotonic() - started


def listening_addresses(pid: int, *ports: int) -> list[str]:
    """Return the addresses at whose TCP ports a process and its children listen.

    gRPC's sockets for IPv4 have IPv6 addresses, which are returned as IPv4 addresses.

    Args:
        pid: The process.
        ports: Its known ports. They decide under Wine, which does not say who listens.
    """
    process = psutil.Process(pid)
    family = {pid, *(child.pid for child in process.children(recursive=True))}
    found = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    own = [one for one in found if one.pid in family]
    if sys.platform == "win32" and not own:
        own = [one for one in found if one.laddr.port in ports]
    return sorted(one.laddr.ip.removeprefix("::ffff:") for one in own)
