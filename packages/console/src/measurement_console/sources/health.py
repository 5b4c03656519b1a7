"""Say whether a thing that the console follows is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


def now() -> datetime:
    """Return the time, with the zone of this host."""
    return datetime.now().astimezone()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a thing is there, since when, and what to do if it is not."""

    name: str
    """Name for people, such as "Logger"."""
    is_there: bool = False
    since: datetime = field(default_factory=now)
    """When it came or went; when the console began to look for it."""
    address: str = ""
    """Where it is; empty when it is not there."""
    problem: str = ""
    """Why it is not there."""
    remedy: str = ""
    """What to do, often a command."""


class HealthBook:
    """The health of one thing, as the thread that follows it notes it."""

    def __init__(self, name: str, remedy: str, changed: Callable[[], None]) -> None:
        """Begin with a thing that was not found yet.

        Args:
            name: Name for people.
            remedy: What to do when it is not there.
            changed: Called after every change, in the thread that notes it.
        """
        self.health = Health(name, problem="Not found yet.", remedy=remedy)
        self._remedy = remedy
        self._changed = changed

    def came(self, address: str) -> None:
        """Note that the thing is there."""
        before = self.health
        if not before.is_there or before.address != address:
            self.health = Health(before.name, is_there=True, address=address)
            self._changed()

    def went(self, problem: str) -> None:
        """Note that the thing is not there, and why."""
        before = self.health
        if before.is_there or before.problem != problem:
            since = now() if before.is_there else before.since
            self.health = Health(before.name, since=since, problem=problem, remedy=self._remedy)
            self._changed()
