"""Run a logger as a separate process, by its command, and wait for its ready line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from json_logger_client import (
    InitializationBehavior,
    JsonLoggerClient,
    SessionOptions,
)
from json_logger_proto import json_logger_pb2_grpc
from server_process import ServerProcess


class LoggerProcess(ServerProcess):
    """`json-logger serve` on a free loopback port. It is killed at the end if it still runs."""

    module = "json_logger_server"
    name = "json-logger"
    root_option = "--log-root"

    def client(
        self,
        file: str,
        behavior: InitializationBehavior = InitializationBehavior.AUTO,
        **options: Any,
    ) -> JsonLoggerClient:
        return JsonLoggerClient(
            file, behavior, connection=self.connect(), options=SessionOptions(**options)
        )

    def reference_stub(self) -> json_logger_pb2_grpc.JsonLoggerStub:
        return json_logger_pb2_grpc.JsonLoggerStub(self.channel())


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
