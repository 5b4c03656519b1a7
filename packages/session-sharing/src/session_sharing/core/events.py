"""What happened to sessions, in one order, for watchers, audit and counters."""

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
    """Wall-clock time, for people and records; never for deciding anything."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One thing that happened."""

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
    """Revisions that a watcher asked for and that are no longer kept, both ends included."""

    first: int
    last: int


class EventLog:
    """The latest events, numbered from 1 without holes.

    Watchers read it at their own pace by revision, so that a slow one costs no memory: what it
    missed is told to it as a `Gap`.
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
        """Call `listener` with every event from now on, in order; it must be quick.

        Returns:
            A function that ends it.
        """
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return stop

    def publish(self, event: SessionEvent) -> None:
        """Number an event, keep it and hand it to the listeners."""
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
        """Read the events from `revision` on whose session name begins with `prefix`.

        Returns:
            The events, after a gap if there is one, and the revision to read on from.
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
