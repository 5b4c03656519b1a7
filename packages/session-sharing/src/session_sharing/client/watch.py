"""Watch the sessions of a server: take its events, or get them by a callback."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from datetime import timezone
from functools import partial
from types import TracebackType

from session_sharing.client.background import WAIT, Progress, uninterrupted
from session_sharing.client.connection import Connection
from session_sharing.client.errors import ServerUnavailableError
from session_sharing.client.ownership import Owner
from session_sharing.client.streams import Break, ResilientStream
from session_sharing.core.errors import SessionSharingError
from session_sharing.core.events import EventType, Gap, SessionEvent
from session_sharing.v1 import lifecycle_pb2 as pb

_log = logging.getLogger(__name__)

Happening = SessionEvent | Gap
_WAITING = 1000
"""Events that may wait to be taken; while so many wait, the watch reads no more."""


class SessionWatch:
    """A watch on a server's sessions. It continues when the connection or the server comes back.

    Use it in a `with` block, and take the events by `get_event`. Pass `on_event` instead when the
    program has no loop in which it can ask.

    Each event comes once, and events come in order. For missed events there is a `Gap`. After a
    restart of the server the revisions start again from 1; then the `last` of the gap is 0.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name_prefix: str = "",
        from_revision: int = 0,
        on_event: Callable[[Happening], None] | None = None,
    ) -> None:
        """Start watching.

        Args:
            connection: The connection to the server; the caller closes it.
            name_prefix: Watch only the sessions whose names begin with it.
            from_revision: First revision wanted; 0 starts with the next event.
            on_event: Called with every event, in the watch's thread. Without it, take the events by
                `get_event`.
        """
        self._owner = Owner("The watch")
        self._request = pb.WatchRequest(from_revision=from_revision, name_prefix=name_prefix)
        self._stream = ResilientStream(connection.lifecycle.Watch, self._request)
        self._on_event = on_event
        # This queue is C code only, so that an exception from a signal handler cannot leave it
        # locked.
        self._waiting: queue.SimpleQueue[Happening | None] = queue.SimpleQueue()
        """The events to take; None at the end says that no more events come."""
        self._room = Progress()
        self._started = threading.Event()
        self._error: SessionSharingError | None = None
        self._stream.start(self._watch, "session-watch")
        uninterrupted(partial(self._started.wait, connection.options.timeout))
        if self._error is not None:
            raise self._error

    def get_event(self, timeout: float | None = None) -> Happening | None:
        """Return the next event.

        Args:
            timeout: Seconds to wait; 0 does not wait, None waits without a limit.

        Returns:
            The event, or None when none came in time, or the watch is closed.

        Raises:
            InheritedClientError: The watch belongs to the parent process.
            SessionSharingError: The server refused the watch.
        """
        self._owner.check()
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                event = self._waiting.get(block=left > 0, timeout=min(max(left, 0.0), WAIT))
                break
            except queue.Empty:
                if left <= 0:
                    return None
        self._room.announce()
        if event is None:
            self._waiting.put(None)  # for the next call
            if self._error is not None:
                raise self._error
        return event

    def close(self) -> None:
        """Stop watching; in a forked child process this does nothing."""
        if self._owner.is_here:
            uninterrupted(self._close)

    def __enter__(self) -> SessionWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _close(self) -> None:
        self._stream.stop()
        self._stream.wait_until_ended()

    def _watch(self) -> None:
        for response in self._stream.messages():
            if not isinstance(response, Break):
                self._take(response)
            elif not isinstance(response.error, ServerUnavailableError | None):
                self._fail(response.error)
                break
        self._end_waiting()

    def _fail(self, error: SessionSharingError) -> None:
        if not self._stream.closed:
            self._error = error
        self._started.set()

    def _end_waiting(self) -> None:
        """Wake a thread that waits for an event; a closed watch drops the remaining events."""
        while self._stream.closed and not self._waiting.empty():
            with contextlib.suppress(queue.Empty):
                self._waiting.get_nowait()
        self._deliver(None)

    def _take(self, response: pb.WatchResponse) -> None:
        kind = response.WhichOneof("event")
        if kind == "draining":
            self._stream.backoff.slow_down()
            return
        self._stream.backoff.reset()
        if kind == "started":
            if self._request.epoch not in ("", response.started.epoch):
                self._deliver(Gap(self._request.from_revision, 0))
                self._request.from_revision = 1
            self._request.epoch = response.started.epoch
            self._started.set()
        elif kind == "gap":
            self._request.from_revision = response.gap.last + 1
            self._deliver(Gap(response.gap.first, response.gap.last))
        elif kind == "session":
            self._request.from_revision = response.session.revision + 1
            self._deliver(_event(response.session))

    def _deliver(self, event: Happening | None) -> None:
        if self._on_event is not None:
            self._call_back(event)
            return
        while self._waiting.qsize() >= _WAITING and event is not None:
            if self._stream.closed:
                return
            self._room.wait(lambda: self._waiting.qsize() < _WAITING, WAIT)
        self._waiting.put(event)

    def _call_back(self, event: Happening | None) -> None:
        if event is None or self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            _log.exception("The callback on_event of a watch has failed.")


def _event(message: pb.SessionEvent) -> SessionEvent:
    return SessionEvent(
        EventType(message.type),
        session_name=message.session_name,
        kind=message.kind,
        resource=message.resource,
        generation=message.generation,
        client_id=message.client_id,
        label=message.label,
        reason=message.reason,
        revision=message.revision,
        time=message.time.ToDatetime(timezone.utc),
    )
