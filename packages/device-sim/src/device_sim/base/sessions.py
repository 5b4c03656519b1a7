"""The sessions of a device server: one name space over all drivers, three behaviours.

NI's gRPC device server keeps a session until somebody closes it, whoever opened it; every
client that knows its name shares it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from grpc import StatusCode

from device_sim.errors import INVALID_SESSION, CallError, DriverError

S = TypeVar("S")


class Behavior(IntEnum):
    """`SessionInitializationBehavior` of the wire protocol."""

    AUTO = 0
    INITIALIZE_NEW = 1
    ATTACH_TO_EXISTING = 2


@dataclass(frozen=True, slots=True)
class Opened(Generic[S]):
    """What a client got when it asked for a session."""

    name: str
    """The session's name; invented when the client gave none."""

    session: S
    """The session itself."""

    created: bool
    """Whether this call made it (the client then closes it)."""


class SessionTable(Generic[S]):
    """All open sessions by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, tuple[str, S]] = {}

    def open(self, name: str, behavior: int, driver: str, create: Callable[[], S]) -> Opened[S]:
        """Attach to the session `name`, or make it.

        The whole of it runs under one lock, as in NI's server: two clients that race for a
        name never make two sessions. A `create` that fails leaves nothing behind.

        Raises:
            CallError: The behaviour does not fit, or another driver owns the name.
        """
        with self._lock:
            known = self._sessions.get(name) if name else None
            if known:
                return Opened(name, self._attach(name, behavior, driver, known), False)
            if behavior == Behavior.ATTACH_TO_EXISTING:
                raise CallError(
                    StatusCode.FAILED_PRECONDITION,
                    f"Cannot attach to '{name}' because a session has not been initialized.",
                )
            session = create()
            name = name or f"session_{uuid.uuid4().hex}"
            self._sessions[name] = (driver, session)
            return Opened(name, session, True)

    @staticmethod
    def _attach(name: str, behavior: int, driver: str, known: tuple[str, S]) -> S:
        owner, session = known
        if owner != driver:
            raise CallError(
                StatusCode.INVALID_ARGUMENT,
                f'The session name "{name}" is being used by a different driver.',
            )
        if behavior == Behavior.INITIALIZE_NEW:
            raise CallError(
                StatusCode.ALREADY_EXISTS,
                f"Cannot initialize '{name}' when a session already exists.",
            )
        return session

    def get(self, name: str, driver: str) -> S:
        """The session that `driver` holds under `name`.

        Raises:
            DriverError: There is none: the handle is not valid.
        """
        owner, session = self._sessions.get(name, ("", None))
        if session is None or owner != driver:
            raise DriverError(INVALID_SESSION)
        return session

    def remove(self, name: str, driver: str) -> S:
        """Take the session out of the table; who calls this closes it."""
        with self._lock:
            session = self.get(name, driver)
            del self._sessions[name]
            return session

    def clear(self) -> list[S]:
        """Take out all sessions."""
        with self._lock:
            sessions = [session for _, session in self._sessions.values()]
            self._sessions.clear()
            return sessions

    def __iter__(self) -> Iterator[tuple[str, str, S]]:
        """Name, driver and session of each, at one moment."""
        with self._lock:
            rows = [(name, *entry) for name, entry in self._sessions.items()]
        return iter(rows)
