"""Keep the last events of sessions, of all servers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from measurement_console.sources.health import now

_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a session."""

    number: int
    """Number in this run of the console, from 1 without gaps."""
    server: str
    """Name of the server."""
    time: datetime
    type: str
    """Name of the type in SessionEvent, such as "OPENED"; "MISSED" for events that are lost."""
    session: str = ""
    resource: str = ""
    who: str = ""
    """The client's label."""
    reason: str = ""


class EventLog:
    """The last events. Several threads may add events."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Begin with no event.

        Args:
            changed: Called after every event.
        """
        self._changed = changed
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._count = 0

    def add(
        self,
        server: str,
        kind: str,
        *,
        time: datetime | None = None,
        session: str = "",
        resource: str = "",
        who: str = "",
        reason: str = "",
    ) -> None:
        """Add an event; see `Event`."""
        with self._lock:
            self._count += 1
            event = Event(self._count, server, time or now(), kind, session, resource, who, reason)
            self._events.append(event)
        self._changed()

    def since(self, number: int) -> list[Event]:
        """Return the events with a higher number that are still kept, in their order."""
        with self._lock:
            new = min(self._count - number, len(self._events))
            return [self._events[index] for index in range(-new, 0)] if new > 0 else []
