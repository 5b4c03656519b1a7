"""The locks in the server: each knows whether its last holder has died."""

from __future__ import annotations

from collections.abc import Mapping

from session_sharing.locks.names import CRASHED, KIND
from session_sharing.server import Candidate, EventType, Resource, SessionEvent

_REMEMBERED = 1_000
"""How many of the latest crashes wait for the next holder of their lock."""


class Lock(Resource):
    """A lock does nothing but being open."""

    exclusive = True

    def __init__(self, name: str, crashed: str = "") -> None:
        super().__init__(name)
        self._crashed = crashed

    def describe(self) -> Mapping[str, str]:
        """Return who held the lock before and died, if it was so."""
        return {CRASHED: self._crashed} if self._crashed else {}


class LockKind:
    """Any name is a lock. The next holder learns that the holder before it has died."""

    def __init__(self) -> None:
        self._crashes: dict[str, str] = {}

    def locate(self, name: str, *, create: bool) -> Candidate:
        """Return the lock of a name."""
        return Candidate(name, lambda: Lock(name, self._crashes.pop(name, "")))

    def note(self, event: SessionEvent) -> None:
        """Remember that the holder of a lock was lost; the server calls it for each event."""
        if event.type is EventType.EXPIRED and event.kind == KIND:
            when = event.time.isoformat(timespec="seconds")
            self._crashes[event.resource] = f"{event.label}, {event.reason}, at {when}"
            if len(self._crashes) > _REMEMBERED:
                del self._crashes[next(iter(self._crashes))]
