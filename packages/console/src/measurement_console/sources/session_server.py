"""Follow a server of sessions: who holds what, and what happens there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timezone

import grpc
from session_sharing.client import (
    CALL_ERRORS,
    Connection,
    ConnectOptions,
    ServerUnavailableError,
    SessionSharingError,
    from_rpc_error,
)
from session_sharing.client.options import is_this_host
from session_sharing.v1 import lifecycle_pb2 as pb

from measurement_console.sources.event_log import EventLog
from measurement_console.sources.health import Health, HealthBook
from measurement_console.sources.worker import Worker

_PAUSE = 3.0
"""Seconds between two lists: they show numbers that change without an event, and that the server
still answers. More would cost a busy server too much."""
_MOST_OPENED = 200
"""Resources whose names are kept after they were closed."""
_IDLE = 15.0
"""Seconds after which counters that nobody looks at are no longer asked for."""
_RETRY = 0.5
_TIMEOUT = 1.5
"""Seconds; a server on this host answers at once."""


class SessionServer:
    """Follows one server of sessions, from one start to the next."""

    def __init__(
        self,
        name: str,
        find: Callable[[], ConnectOptions],
        events: EventLog,
        *,
        remedy: str,
        changed: Callable[[], None],
    ) -> None:
        """Prepare to follow a server.

        Args:
            name: Name for people.
            find: Returns how to connect; it raises a SessionSharingError if there is no server.
            events: Takes what happens to sessions.
            remedy: What to do when there is no server.
            changed: Called after every change, in a thread of its own.
        """
        self.name = name
        self._find = find
        self._events = events
        self._changed = changed
        self._book = HealthBook(name, remedy, changed)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._epoch = ""
        self._revision = 1
        self._call: grpc.Call | None = None
        self.sessions: tuple[pb.SessionInfo, ...] = ()
        """The open sessions; empty while the server is not there."""
        self.opened: dict[tuple[str, str], pb.SessionEvent] = {}
        """The last event of each resource that was opened, by kind and name, the latest last. So a
        session is known that was closed before the next list."""
        self.failed: tuple[pb.FailedSession, ...] = ()
        self.counters: Mapping[str, float] = {}
        """What the server has counted, while a page asks for it."""
        self._counters_asked = -_IDLE
        self._lister = Worker(f"list {name}", self._list, _PAUSE)
        self._watcher = Worker(f"watch {name}", self._watch, _RETRY)

    @property
    def health(self) -> Health:
        """Whether the server is there."""
        return self._book.health

    @property
    def connection(self) -> Connection | None:
        """The connection to the server; None when it is not there. Any thread may use it."""
        return self._connection if self._book.health.is_there else None

    @property
    def is_on_this_host(self) -> bool:
        """Whether the server, as far as it is known, can only be on this host."""
        connection = self._connection
        return connection is not None and is_this_host(connection.options.target)

    def start(self) -> None:
        """Begin to follow."""
        self._watcher.start()
        self._lister.start()

    def stop(self) -> None:
        """End. This does not wait for the threads."""
        self._watcher.stop()
        self._lister.stop()
        with self._lock:
            if self._call is not None:
                self._call.cancel()

    def join(self, seconds: float) -> None:
        """Wait for the threads, and close the connection."""
        self._watcher.join(seconds)
        self._lister.join(seconds)
        if self._connection is not None:
            self._connection.close()

    def ask_counters(self) -> None:
        """Say that a browser shows the counters."""
        was_idle = time.monotonic() - self._counters_asked > _IDLE
        self._counters_asked = time.monotonic()
        if was_idle:
            self._lister.hurry()

    def close_session(self, name: str) -> bool:
        """Close a session for everybody.

        Returns:
            False when the session waits for its last attachment.

        Raises:
            SessionSharingError: The server is not there, or refuses to close the session.
        """
        connection = self._require()
        request = pb.CloseRequest(session_name=name)
        answer: pb.CloseResponse = connection.call(connection.lifecycle.Close, request)
        self._lister.hurry()
        return answer.session_closed

    def _require(self) -> Connection:
        connection = self.connection
        if connection is None:
            raise SessionSharingError(f"{self.name} is not there: {self.health.problem}")
        return connection

    def _watch(self) -> None:
        """Find the server, and take its events until the stream breaks."""
        try:
            connection = self._connect()
            request = pb.WatchRequest(from_revision=self._revision, epoch=self._epoch)
            with self._lock:
                if self._watcher.is_stopped:
                    return
                self._call = call = connection.lifecycle.Watch(request)
            for response in call:
                self._take(connection, response)
            self._lost("The server has stopped.")
        except SessionSharingError as error:
            self._lost(str(error))
        except CALL_ERRORS as error:
            lost = from_rpc_error(error)
            is_gone = isinstance(lost, ServerUnavailableError)
            self._lost(
                "It has ended, or the connection to it has broken." if is_gone else str(lost)
            )

    def _connect(self) -> Connection:
        """Return a connection to the server as it runs now; a restart changes the token."""
        options = replace(self._find(), presence=False, timeout=_TIMEOUT, attempts=1)
        before = self._connection
        if before is None or before.options != options:
            self._connection = Connection(options)
            if before is not None:
                before.close()
        assert self._connection is not None
        return self._connection

    def _take(self, connection: Connection, response: pb.WatchResponse) -> None:
        kind = response.WhichOneof("event")
        if kind == "started":
            if self._epoch not in ("", response.started.epoch):
                self._events.add(self.name, "MISSED", reason="The server was started again.")
            if self._epoch != response.started.epoch:
                self._revision = 1
            self._epoch = response.started.epoch
            self._list_on(connection)
            self._book.came(connection.options.target)
        elif kind == "gap":
            self._revision = response.gap.last + 1
            lost = response.gap.last - response.gap.first + 1
            self._events.add(
                self.name, "MISSED", reason=f"The server does not keep {lost} older events."
            )
        elif kind == "session":
            event = response.session
            self._revision = event.revision + 1
            if event.type == pb.SessionEvent.OPENED:
                self._note_opened(event)
            self._events.add(
                self.name,
                pb.SessionEvent.Type.Name(event.type),
                time=event.time.ToDatetime(timezone.utc).astimezone(),
                session=event.session_name,
                resource=event.resource,
                who=event.label or event.client_id,
                reason=event.reason,
            )
        self._lister.hurry()

    def _note_opened(self, event: pb.SessionEvent) -> None:
        self.opened.pop((event.kind, event.resource), None)
        self.opened[event.kind, event.resource] = event
        if len(self.opened) > _MOST_OPENED:
            del self.opened[next(iter(self.opened))]

    def _list(self) -> None:
        connection = self.connection
        if connection is None:
            return
        try:
            self._list_on(connection)
        except SessionSharingError as error:
            self._lost(str(error))
            with self._lock:
                if self._call is not None:
                    self._call.cancel()

    def _list_on(self, connection: Connection) -> None:
        answer = connection.call(connection.lifecycle.ListSessions, pb.ListSessionsRequest())
        sessions = tuple(sorted(answer.sessions, key=lambda session: session.generation))
        if (sessions, tuple(answer.failed)) != (self.sessions, self.failed):
            self.sessions, self.failed = sessions, tuple(answer.failed)
            self._changed()
        if time.monotonic() - self._counters_asked < _IDLE:
            request = pb.GetServerInfoRequest()
            counters = connection.call(connection.lifecycle.GetServerInfo, request).counters
            if counters != self.counters:
                self.counters = dict(counters)
                self._changed()

    def _lost(self, problem: str) -> None:
        self.sessions, self.failed, self.counters = (), (), {}
        self._book.went(problem)
