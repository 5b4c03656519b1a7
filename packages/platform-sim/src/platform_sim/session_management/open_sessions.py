"""The sessions that their owners registered as open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from platform_sim.callers import Caller
from platform_sim.errors import AlreadyKnownError, InvalidRequestError


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A registered instrument or multiplexer session."""

    name: str
    """Name of the session."""
    resource_name: str
    """What the driver opened."""
    type_id: str
    """Instrument type id or multiplexer type id."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Who registered it, and free texts."""
    holder: Caller | None = None
    """The process that registered it, None when it is not known."""


class OpenSessionTable:
    """Registered sessions by name; one table for instruments, one for multiplexers."""

    def __init__(self) -> None:
        self._sessions: dict[str, OpenSession] = {}

    def register(self, sessions: Sequence[OpenSession]) -> None:
        """Add sessions, all or none.

        Raises:
            InvalidRequestError: A name is empty.
            AlreadyKnownError: A name is registered, or is in the list twice.
        """
        if not all(session.name for session in sessions):
            raise InvalidRequestError("A session name must not be empty.")
        names = [session.name for session in sessions]
        taken = {name for name in names if name in self._sessions or names.count(name) > 1}
        if taken:
            holders = ", ".join(self._described(name) for name in sorted(taken))
            raise AlreadyKnownError(
                f"These sessions are registered already: {holders}. Unregister them first."
            )
        self._sessions.update(zip(names, sessions, strict=True))

    def _described(self, name: str) -> str:
        known = self._sessions.get(name)
        return f"{name} (by {known.holder})" if known and known.holder else name

    def unregister(self, names: Iterable[str]) -> None:
        """Remove sessions. Ignore unknown names."""
        for name in names:
            self._sessions.pop(name, None)

    def get(self, name: str) -> OpenSession | None:
        """Return a registered session, None if the name is unknown."""
        return self._sessions.get(name)

    def all(self, type_id: str = "") -> list[OpenSession]:
        """Return the registered sessions, or those of one type."""
        return [one for one in self._sessions.values() if type_id in ("", one.type_id)]
