"""The servers under test, each in a separate process on a separate core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil
from json_logger_client import ConnectOptions, JsonLoggerClient

SERVER_CORE, LOAD_CORE = 0, 1


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, if the system can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(pid, {core})


class Server:
    """A running server."""

    def __init__(self, name: str, folder: Path, command: list[str]) -> None:
        self.name = name
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        self._system = psutil.Process(self.process.pid)
        for thread in self._system.threads():
            pin(thread.id, SERVER_CORE)
        pin(self.process.pid, SERVER_CORE)

    @property
    def target(self) -> str:
        return self.ready_line.strip()

    def cpu(self) -> float:
        """CPU seconds that the server has used."""
        times = self._system.cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        return self._system.memory_info().rss

    def descriptors(self) -> int:
        return self._system.num_fds()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()


class OurServer(Server):
    """`json-logger serve`, anonymous unless the case chooses another access."""

    def __init__(
        self,
        folder: Path,
        durability: str,
        access: str = "--anonymous",
        options: Sequence[str] = (),
    ) -> None:
        folder.mkdir()
        self._state = folder / "state" / "json-logger.json"
        given = [
            "--listen=tcp:127.0.0.1:0",
            f"--state-file={self._state}",
            f"--log-root={folder}",
            f"--durability={durability}",
            access,
            "--no-discovery",
            *options,
        ]
        command = ["-m", "json_logger_server", "serve", *given]
        super().__init__(f"ours, {durability}", folder, command)

    @property
    def target(self) -> str:
        return str(json.loads(self._state.read_text())["targets"][0])

    def open(self, file: str) -> JsonLoggerClient:
        return JsonLoggerClient(file, connection=ConnectOptions(self.target))


def baseline(kind: str, folder: Path) -> Server:
    """Start one of baseline_servers.py."""
    folder.mkdir()
    script = Path(__file__).with_name("baseline_servers.py")
    return Server(
        {"noop": "no-op", "plain": "plain"}[kind], folder, [str(script), kind, str(folder)]
    )
