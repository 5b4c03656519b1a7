"""What a session can own: the few methods that make anything a shareable resource."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


class Resource:
    """One open resource. A session owns it and is the only one to release it.

    Subclass it, and pass the class to `SessionHost` under the name of its kind. For a kind that is
    not one class, pass an object with a method `locate` instead (`ResourceKind`).

    The subclass opens the resource in its constructor, which takes the resource's name and raises
    a `SessionSharingError` when that fails; a failed constructor must leave nothing behind.
    Constructor and release hooks run in worker threads, outside every lock, so they may take their
    time.
    """

    exclusive: ClassVar[bool] = False
    """One attachment at a time, whatever behavior the others ask for. Set it for locks, ports and
    whatever two programs must never use at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def locate(cls, name: str, *, create: bool) -> Candidate:
        """Find out which resource a name means, without opening it.

        The default takes the name for the identity. Override it where several names can mean one
        resource (as paths do), so that they share one session.

        Args:
            name: The name that the caller gave.
            create: Whether the caller may create the resource.
        """
        return Candidate(key=name, open=lambda: cls(name))

    def close(self) -> None:
        """Release the resource: somebody closed the session.

        What it raises reaches whoever closed, and the session is listed as failed.
        """

    def abandon(self, reason: str) -> None:
        """Release the resource: its holder died, fell silent or forgot it.

        Override it to act: roll a transaction back, switch an output off.

        Args:
            reason: What happened, for logs.
        """
        self.close()

    def describe(self) -> Mapping[str, str]:
        """Give facts about the resource, sent to whoever opens or lists the session.

        It is called in the server's event loop, so it must not wait for anything.
        """
        return {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource that was located: its identity, and the way to open it."""

    key: Hashable
    """Equal for all names of one resource."""
    open: Callable[[], Resource]
    """Opens the resource; called at most once."""
    discard: Callable[[], None] = lambda: None
    """Gives back what locating took; called instead of `open`."""


class ResourceKind(Protocol):
    """Locates resources of one kind; every `Resource` subclass is one."""

    def locate(self, name: str, *, create: bool) -> Candidate:
        """See `Resource.locate`."""
        ...
