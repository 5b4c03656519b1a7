"""Run a logger as a separate process, by its command, and wait for its ready line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
from json_logger_client import (
    ConnectOptions,
    InitializationBehavior,
    JsonLoggerClient,
    SessionOptions,
)
from json_logger_proto import json_logger_pb2_grpc
from session_sharing.stop_event import ask_to_stop


class LoggerProcess:
    """`json-logger serve` on a free loopback port. It is killed at the end if it still runs."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        program: tuple[str, ...] = (),
        detached: bool = False,
    ) -> None:
        """Start the logger, and wait for its ready line.

        Args:
            folder: Its log root and the place of its state file.
            options: More options of `serve`.
            program: What to run instead of `python -m json_logger_server`.
            detached: Run it without the terminal of the tests, as a service is.
        """
        self.folder = folder
        self.state_file = folder / "state" / "json-logger.json"
        command = [
            sys.executable,
            *(program or ("-m", "json_logger_server")),
            "serve",
            "--listen=tcp:127.0.0.1:0",
            f"--state-file={self.state_file}",
            f"--log-root={folder}",
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

    def client(
        self,
        file: str,
        behavior: InitializationBehavior = InitializationBehavior.AUTO,
        **options: Any,
    ) -> JsonLoggerClient:
        return JsonLoggerClient(
            file, behavior, connection=self.connect(), options=SessionOptions(**options)
        )

    def channel(self) -> grpc.Channel:
        """Open a plain channel, as clients of the reference do; for anonymous servers."""
        return grpc.insecure_channel(self.target, [("grpc.use_local_subchannel_pool", 1)])

    def reference_stub(self) -> json_logger_pb2_grpc.JsonLoggerStub:
        return json_logger_pb2_grpc.JsonLoggerStub(self.channel())

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

    def __enter__(self) -> LoggerProcess:
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


class ClientProcess:
    """A client in a separate process, which logs until it is killed; see logging_client.py."""

    def __init__(self, logger: LoggerProcess, file: str, *arguments: object) -> None:
        script = Path(__file__).with_name("logging_client.py")
        given = [str(script), str(logger.state_file), file, *map(str, arguments)]
        self._process = subprocess.Popen(
            [sys.executable, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        """Return the next line of its output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> ClientProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def records_in(path: Path) -> list[dict[str, Any]]:
    """Read a log strictly: every line is one JSON object, and the last one ends with a newline."""
    data = path.read_bytes()
    assert not data or data.endswith(b"\n")

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    return [json.loads(line, parse_constant=refuse) for line in data.splitlines()]


def names_in(path: Path) -> list[str]:
    """The names of a log's measurements, in the order of the file."""
    return [record["measurement_name"] for record in records_in(path)]
