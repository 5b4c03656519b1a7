"""Keep the sessions of a device server: one name space for all drivers, three behaviours.

NI's gRPC device server keeps a session until any client closes it. Every client that knows its
name shares it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from grpc import StatusCode

from device_sim.errors import INVALID_SESSION, CallError, DriverError, ErrorCode

S = TypeVar("S")


class Behavior(IntEnum):
    """`SessionInitializationBehavior` of the wire protocol."""

    AUTO = 0
    INITIALIZE_NEW = 1
    ATTACH_TO_EXISTING = 2


@dataclass(frozen=True, slots=True)
class Opened(Generic[S]):
    """The answer to a client that asked for a session."""

    name: str
    """The session's name. The server generates one if the client gave none."""

    session: S
    """The session itself."""

    created: bool
    """True if this call created it. The client then closes it."""


class SessionTable(Generic[S]):
    """All open sessions by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sessions: dict[str, tuple[str, S]] = {}

    def open(self, name: str, behavior: int, driver: str, create: Callable[[], S]) -> Opened[S]:
        """Attach to the session `name`, or create it.

        This runs under one lock, as in NI's server: two clients that race for a name never create
        two sessions. A `create` that fails leaves no session.

        Raises:
            CallError: The behaviour does not match, or another driver uses the name.
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

    def get(self, name: str, driver: str, *, unknown: ErrorCode = INVALID_SESSION) -> S:
        """Return the session of `driver` with this name.

        Args:
            name: The session's name.
            driver: The driver's name.
            unknown: The driver's error for a session that does not exist.

        Raises:
            DriverError: It does not exist: the handle is not valid.
        """
        owner, session = self._sessions.get(name, ("", None))
        if session is None or owner != driver:
            raise DriverError(unknown)
        return session

    def remove(self, name: str, driver: str, *, unknown: ErrorCode = INVALID_SESSION) -> S:
        """Remove the session from the table and return it, as `get`. The caller closes it."""
        with self._lock:
            session = self.get(name, driver, unknown=unknown)
            del self._sessions[name]
            return session

    def clear(self) -> list[S]:
        """Remove all sessions and return them."""
        with self._lock:
            sessions = [session for _, session in self._sessions.values()]
            self._sessions.clear()
            return sessions

    def __iter__(self) -> Iterator[tuple[str, str, S]]:
        """Iterate over name, driver and session of each, at one moment."""
        with self._lock:
            rows = [(name, *entry) for name, entry in self._sessions.items()]
        return iter(rows)
