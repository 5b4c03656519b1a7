"""Know the logs of the station, and read those that browsers show."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.names import KIND
from session_sharing.client import Connection, ServerUnavailableError, SessionSharingError
from session_sharing.v1.lifecycle_pb2 import SessionEvent

from measurement_console.errors import RefusedError
from measurement_console.file_names import file_name
from measurement_console.sources.log_reader import LogReader
from measurement_console.sources.session_server import SessionServer
from measurement_console.sources.worker import Worker

_PAUSE = 0.5
_IDLE = 60.0
"""Seconds after which a log that nobody shows is no longer read."""
_MOST_READERS = 12
_MOST_KNOWN = 200


@dataclass(frozen=True, slots=True)
class Log:
    """A log of the station."""

    path: str
    """Absolute path on the logger's host."""
    is_open: bool

    @property
    def name(self) -> str:
        """Name of the file."""
        return file_name(self.path)


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
        self._known: dict[str, None] = {}
        """Paths of the logs that are or were open, the latest last."""
        self._located: dict[str, SessionEvent] = {}
        """The events whose logs were asked for, by the name of the log."""
        self._worker = Worker("logs", self._work, _PAUSE)
        self.start, self.join = self._worker.start, self._worker.join

    def stop(self) -> None:
        """End. This does not wait for the threads."""
        self._worker.stop()
        for reader in list(self._readers.values()):
            reader.stop()

    def all(self) -> list[Log]:
        """Return the logs that are open, and those that were, the latest first."""
        open_paths = self._open_paths()
        closed = [path for path in reversed(list(self._known)) if path not in open_paths]
        return [Log(path, path in open_paths) for path in (*open_paths, *closed)]

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

    def _open_paths(self) -> dict[str, None]:
        """Return the paths of the open logs, in the order of the list."""
        logs = (session for session in self._server.sessions if session.kind == KIND)
        paths = (session.details.get("path", "") for session in logs)
        return {path: None for path in paths if path}

    def _work(self) -> None:
        self._learn()
        self._tidy()

    def _learn(self) -> None:
        """Note the logs that are open, and those that were open too shortly to be listed."""
        before = self._known
        for path in self._open_paths():
            self._note(path)
        connection = self._server.connection
        if connection is not None:
            self._ask(connection)
        if self._known.keys() != before.keys():
            self._changed()

    def _ask(self, connection: Connection) -> None:
        """Ask the server for the paths of the logs that were opened since the last time."""
        events = list(self._server.opened.items())
        opened = {name: event for (kind, name), event in events if kind == KIND}
        for name, event in opened.items():
            if self._located.get(name) != event:
                try:
                    self._note(_locate(connection, name))
                except ServerUnavailableError:
                    return  # ask again, when it is there
                except SessionSharingError:
                    pass  # the file is not there any more
        self._located = opened

    def _note(self, path: str) -> None:
        """Keep a path as the latest; forget the oldest one if there are too many."""
        known = [*(one for one in self._known if one != path), path]
        self._known = dict.fromkeys(known[-_MOST_KNOWN:])  # pages read the old one meanwhile

    def _tidy(self) -> None:
        for path, reader in list(self._readers.items()):
            if time.monotonic() - reader.used > _IDLE:
                del self._readers[path]
                reader.stop()


def _locate(connection: Connection, name: str) -> str:
    """Return the path of a log by the name that its client has used.

    Raises:
        SessionSharingError: The server does not answer, or has no such log now.
    """
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
    return str(connection.call(stub.Locate, pb.LocateRequest(name=name)).path)
