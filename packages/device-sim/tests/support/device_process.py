"""Run `device-sim serve` in a separate process, as a user does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from capabilities import SLOWNESS
from stopping_processes import OWN_CONSOLE, stop_process

DEADLINE = 40.0 * SLOWNESS
READY = "device-sim is ready"


def command(*arguments: object) -> list[str]:
    """Return a command line of device-sim on this Python."""
    return [sys.executable, "-m", "device_sim", *map(str, arguments)]


class DeviceProcess:
    """A started `device-sim serve`, with its output up to the ready line."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.state_file = folder / "state.json"
        self.process = subprocess.Popen(
            command("serve", "--port", 0, "--state-file", self.state_file, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **OWN_CONSOLE,
        )
        assert self.process.stdout is not None
        self.output: list[str] = []
        for line in self.process.stdout:
            self.output.append(line)
            if line.startswith(READY):
                return
        raise AssertionError("device-sim ended before it was ready:\n" + "".join(self.output))

    @property
    def address(self) -> str:
        """HOST:PORT from the state file."""
        address: str = json.loads(self.state_file.read_text("utf-8"))["device_server_address"]
        return address

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the server to stop, and return its exit code."""
        if self.process.poll() is None:
            stop_process(self.process.pid, number)
        return self.process.wait(DEADLINE)


@contextmanager
def running_device_sim(folder: Path, *arguments: object) -> Iterator[DeviceProcess]:
    """Run a server for the length of a with statement."""
    server = DeviceProcess(folder, *arguments)
    try:
        yield server
    finally:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            server.process.kill()
            raise
