"""Pytest plugin: the fixture `json_logger` runs a logger for one test.

pytest loads this module by its entry point in every run, so it imports nothing large before the
fixture is used. docs/testing-plugins.md of the project shows how to use it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from json_logger_proto.names import TARGET_VARIABLE, TOKEN_FILE_VARIABLE

if TYPE_CHECKING:
    from json_logger_client import JsonLoggerClient

__all__ = ["LoggerFixture", "json_logger"]

_PLATFORMS = ("ni_platform", "ni_platform_module", "ni_platform_session")
"""Fixtures of measurement-platform-sim. If a test uses one, the logger registers at its
discovery."""

_READY = "json-logger is ready"
_REGISTERED = "Registered with NI discovery"
_STOP_TIMEOUT = 20.0


class LoggerFixture:
    """A running `json-logger serve`. The fixture `json_logger` returns it."""

    def __init__(self, folder: Path, state: Mapping[str, Any]) -> None:
        self._state = state
        self.folder = folder
        """Folder of its logs, at which relative names start."""

    @property
    def target(self) -> str:
        """Address of the logger, such as "ipv4:127.0.0.1:40123"."""
        return str(self._state["targets"][0])

    @property
    def token_file(self) -> Path:
        """File with the token for its clients."""
        return Path(self._state["token_file"])

    def client(self, name: str = "measurements.ndjson", **options: Any) -> JsonLoggerClient:
        """Return a new client of a log; use it in a `with` statement.

        Args:
            name: Name of the log below `folder`.
            **options: Other arguments of `JsonLoggerClient`.
        """
        from json_logger_client import ConnectOptions, JsonLoggerClient

        token = self.token_file.read_text(encoding="utf-8").strip()
        return JsonLoggerClient(name, connection=ConnectOptions(self.target, token), **options)

    def environment(self) -> dict[str, str]:
        """Return the environment for a process whose clients must find this logger."""
        return {**os.environ, **self.variables()}

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which clients find this logger."""
        return {
            TARGET_VARIABLE: self.target,
            TOKEN_FILE_VARIABLE: str(self.token_file),
        }


@pytest.fixture
def json_logger(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoggerFixture]:
    """Run a logger for this test, with `tmp_path` as the folder for its logs.

    Clients in this process, and in its child processes, find the logger. If the test uses a
    platform of measurement-platform-sim, they find it by discovery, as on a station.
    """
    platform = next((name for name in _PLATFORMS if name in request.fixturenames), None)
    if platform is None:
        environment, options, ready = dict(os.environ), ["--no-discovery"], _READY
    else:
        environment, options, ready = (
            request.getfixturevalue(platform).environment(),
            [],
            _REGISTERED,
        )
    state_file = tmp_path / "json-logger" / "state.json"
    state_file.parent.mkdir(mode=0o700)
    command = [sys.executable, "-m", "json_logger_server", "serve", "--stop-with-starter"]
    command += [f"--log-root={tmp_path}", f"--state-file={state_file}", *options]
    with _process(command, environment, ready, state_file.with_name("output.txt")):
        logger = LoggerFixture(tmp_path, json.loads(state_file.read_text(encoding="utf-8")))
        for name, value in logger.variables().items():
            if platform is None or name != TARGET_VARIABLE:
                monkeypatch.setenv(name, value)
        yield logger


@contextmanager
def _process(
    command: list[str], environment: Mapping[str, str], ready: str, output: Path
) -> Iterator[None]:
    """Run the server during the block, and copy its output to a file."""
    with (
        output.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        reader = threading.Thread(target=_copy, args=(process.stdout, log), daemon=True)
        try:
            for line in process.stdout:
                log.write(line)
                if ready in line:
                    break
            else:
                log.flush()
                raise RuntimeError(f"json-logger did not start:\n{output.read_text()}")
            reader.start()
            yield
        finally:
            process.stdin.close()  # it stops with its starter; Windows has no SIGTERM
            try:
                process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
            if reader.ident is not None:
                reader.join()


def _copy(source: IO[str], target: IO[str]) -> None:
    for line in source:
        target.write(line)
        target.flush()
