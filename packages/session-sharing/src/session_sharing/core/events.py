"""Keep the events of sessions in one order, for watchers, audit trail and counters."""

from __future__ import annotations

import enum
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

_log = logging.getLogger(__name__)


class EventType(enum.IntEnum):
    """Kinds of session events; the integers are those of the wire."""

    OPENED = 1
    ATTACHED = 2
    DETACHED = 3
    EXPIRED = 4
    CLOSED = 5
    FAILED = 6
    RECLAIMED = 7
    REFUSED = 8


def utc_now() -> datetime:
    """Return the wall-clock time. It is for people and records; no decision depends on it."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One event of a session, or of an attachment to it."""

    type: EventType
    session_name: str = ""
    kind: str = ""
    resource: str = ""
    generation: int = 0
    client_id: str = ""
    label: str = ""
    reason: str = ""
    principal: str = ""
    revision: int = 0
    time: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class Gap:
    """The revisions, from `first` to `last`, that a watcher asked for and the server lost."""

    first: int
    last: int


class EventLog:
    """The latest events, numbered from 1 without gaps.

    Each watcher reads it by revision, as fast as it can. A slow watcher costs no memory: for events
    that are not kept any more, it gets a `Gap`.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._lock = threading.Lock()
        self._kept: deque[SessionEvent] = deque(maxlen=capacity)
        self._revision = 0
        self._listeners: list[Callable[[SessionEvent], None]] = []

    @property
    def revision(self) -> int:
        """Revision of the latest event; 0 before the first."""
        return self._revision

    def listen(self, listener: Callable[[SessionEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on, in order; it must return quickly.

        Returns:
            A function that removes the listener.
        """
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return stop

    def publish(self, event: SessionEvent) -> None:
        """Give an event its revision, keep it, and pass it to the listeners."""
        with self._lock:
            self._revision += 1
            object.__setattr__(event, "revision", self._revision)
            self._kept.append(event)
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:
                    _log.exception("A listener to session events has failed.")

    def since(self, revision: int, prefix: str = "") -> tuple[list[SessionEvent | Gap], int]:
        """Return the events from `revision` on whose session name begins with `prefix`.

        Returns:
            The events, after a gap if there is one, and the revision from which to read next.
        """
        with self._lock:
            oldest = self._revision - len(self._kept) + 1
            found: list[SessionEvent | Gap] = []
            if revision < oldest:
                found.append(Gap(revision, oldest - 1))
            first = max(0, revision - oldest)
            for index in range(first, len(self._kept)):
                if self._kept[index].session_name.startswith(prefix):
                    found.append(self._kept[index])
            return found, max(revision, self._revision + 1)
