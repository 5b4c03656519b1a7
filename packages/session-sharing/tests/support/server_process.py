"""Run a server as a separate process, by its command, and wait for its ready line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import grpc
from session_sharing.client import ConnectOptions
from session_sharing.stop_event import ask_to_stop
from typing_extensions import Self


class ServerProcess:
    """A server with `serve`, on a free loopback port. It is killed at the end if it still runs."""

    module: ClassVar[str]
    """Import name of the server's package."""
    name: ClassVar[str]
    """Name of its command."""
    root_option: ClassVar[str]
    """The option of `serve` that names the folder for files of its clients."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        program: tuple[str, ...] = (),
        detached: bool = False,
        address: str = "tcp:127.0.0.1:0",
    ) -> None:
        """Start the server, and wait for its ready line.

        Args:
            folder: Its root for files, and the place of its state file.
            options: More options of `serve`.
            program: What to run instead of `python -m MODULE`.
            detached: Run it without the terminal of the tests, as a service is.
            address: Where it listens.
        """
        self.folder = folder
        self.state_file = folder / "state" / f"{self.name}.json"
        command = [
            sys.executable,
            *(program or ("-m", self.module)),
            "serve",
            f"--listen={address}",
            f"--state-file={self.state_file}",
            f"{self.root_option}={folder}",
            "--no-discovery",
            *options,
        ]
        self._errors = (folder / "server.err").open("ab")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,
            text=True,
            start_new_session=detached,
        )
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        if "ready" not in self.ready_line:
            raise AssertionError((folder / "server.err").read_text())
        self.pid = int(self.state["pid"])
        """Of the server. In an environment on Windows, `process` is a program that starts it."""

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state_file.read_text())
        return found

    @property
    def target(self) -> str:
        return str(self.state["targets"][0])

    @property
    def token(self) -> str:
        return Path(self.state["token_file"]).read_text().strip()

    def connect(self, **options: Any) -> ConnectOptions:
        """Return options to connect as the server's own user."""
        return ConnectOptions(self.target, self.token, **options)

    def channel(self) -> grpc.Channel:
        """Open a plain channel, as clients of the reference do; for anonymous servers."""
        return grpc.insecure_channel(self.target, [("grpc.use_local_subchannel_pool", 1)])

    def kill(self) -> None:
        """Kill the process by SIGKILL, so that it cannot clean up."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """Ask the process to stop, and wait for its end.

        Returns:
            Its exit code.
        """
        ask_to_stop(self.pid)
        return self.process.wait(timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()
