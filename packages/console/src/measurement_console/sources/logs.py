"""Know the logs of the station, and read those that browsers show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from json_logger_proto.names import KIND

from measurement_console.errors import RefusedError
from measurement_console.sources.log_reader import LogReader
from measurement_console.sources.session_server import SessionServer
from measurement_console.sources.worker import Worker

_PAUSE = 2.0
_IDLE = 60.0
"""Seconds after which a log that nobody shows is no longer read."""
_MOST_READERS = 12


@dataclass(frozen=True, slots=True)
class Log:
    """A log of the station."""

    path: str
    """Absolute path on the logger's host."""
    is_open: bool

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.replace("\\", "/").rpartition("/")[2]


class Logs:
    """The logs that are or were open, and their readers."""

    def __init__(self, server: SessionServer, changed: Callable[[], None]) -> None:
        """Prepare to follow the logs of a logger.

        Args:
            server: The logger.
            changed: Called after every change, in a thread of its own.
        """
        self._server = server
        self._changed = changed
        self._readers: dict[str, LogReader] = {}
        self._worker = Worker("logs", self._tidy, _PAUSE)
        self.start, self.join = self._worker.start, self._worker.join

    def stop(self) -> None:
        """End. This does not wait for the threads."""
        self._worker.stop()
        for reader in list(self._readers.values()):
            reader.stop()

    def all(self) -> list[Log]:
        """Return the logs that are open, and those that were."""
        open_paths = {
            session.details.get("path", ""): None
            for session in self._server.sessions
            if session.kind == KIND
        }
        open_paths.pop("", None)
        seen = list(self._server.seen.items())
        closed = [
            Log(path, is_open=False)
            for path, kind in seen
            if kind == KIND and path not in open_paths
        ]
        return [Log(path, is_open=True) for path in open_paths] + closed

    def reader(self, path: str) -> LogReader:
        """Return the reader of a log.

        Raises:
            RefusedError: No such log was open, or too many logs are shown.
        """
        reader = self._readers.get(path)
        if reader is None:
            if all(log.path != path for log in self.all()):
                raise RefusedError(404, "This log is not open. Choose one of the list.")
            if len(self._readers) >= _MOST_READERS:
                raise RefusedError(
                    503, f"Browsers show {_MOST_READERS} logs already. Close one of these pages."
                )
            reader = self._readers[path] = LogReader(path, self._server, self._changed)
            reader.start()
        reader.used = time.monotonic()
        return reader

    def _tidy(self) -> None:
        for path, reader in list(self._readers.items()):
            if time.monotonic() - reader.used > _IDLE:
                del self._readers[path]
                reader.stop()
