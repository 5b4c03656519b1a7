"""Define `Resource`, the base class of everything that a session can own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from session_sharing.core.errors import InvalidArgumentError


class Resource:
    """One open resource. Its session owns it, and only the session releases it.

    Subclass it, and pass the class to `SessionHost` under the name of its kind. For a kind that is
    not one class, pass an object with a method `locate` instead (`ResourceKind`).

    The subclass opens the resource in its constructor. The constructor takes the resource's name,
    and raises a `SessionSharingError` when it cannot open the resource; then it must leave nothing
    open. Constructor and release hooks run in worker threads, outside every lock, so they may be
    slow.
    """

    exclusive: ClassVar[bool] = False
    """Allow one attachment at a time, whatever behavior other clients ask for. Set it for locks,
    ports, and other resources that two programs must never use at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def locate(cls, name: str, *, create: bool) -> Candidate:
        """Return the resource that a name means, without opening it.

        By default the name is the identity. Override this method when several names can mean one
        resource (as paths can), so that they share one session.

        Args:
            name: The name that the caller gave.
            create: Whether the caller may create the resource.
        """
        return Candidate(key=name, open=lambda: cls(name))

    def close(self) -> None:
        """Release the resource: a client closed the session.

        If this method raises an error, that client gets it, and the session is listed as failed.
        """

    def abandon(self, reason: str) -> None:
        """Release the resource without a client: its client died, was lost, or never closed it.

        By default this calls `close`. Override it when the resource needs more then: roll a
        transaction back, or switch an output off.

        Args:
            reason: Why the session ends, for logs.
        """
        self.close()

    def end_attachment(self, attachment: str, reason: str) -> None:
        """Release what one attachment holds; its session stays open.

        By default this does nothing. Override it when each attachment has a part of its own in the
        resource, such as a transaction or a place in a queue. `calls.attachment().id` names the
        attachment in the calls that make such a part.

        The server calls it once for each attachment, after the calls that use the attachment have
        returned. It calls no two hooks of a session at once. When the session ends together with
        the attachment, `close` or `abandon` is called instead.

        If this method raises an error, the client that leaves gets it; the session stays open.

        Args:
            attachment: Id of the attachment.
            reason: Why the server ended the attachment; empty when the client left by itself.
        """

    def describe(self) -> Mapping[str, str]:
        """Return facts about the resource. Clients that open or list the session get them.

        It is called in the server's event loop, so it must not wait for anything.
        """
        return {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A resource that was located: its identity, and a function that opens it."""

    key: Hashable
    """Equal for all names of one resource."""
    open: Callable[[], Resource]
    """Opens the resource; called at most once."""
    discard: Callable[[], None] = lambda: None
    """Frees everything that locating opened; called when `open` is not called."""


class ResourceKind(Protocol):
    """Locates resources of one kind; every `Resource` subclass is one."""

    def locate(self, name: str, *, create: bool) -> Candidate:
        """See `Resource.locate`."""
        ...


@runtime_checkable
class KindWithParameters(Protocol):
    """A kind whose resources are opened with parameters, such as the name of a settings file."""

    def locate(self, name: str, *, create: bool) -> Candidate:
        """See `Resource.locate`; the request has no parameters."""
        ...

    def with_parameters(self, parameters: Mapping[str, str]) -> ResourceKind:
        """Return a kind that locates resources with the parameters of one request.

        A request that attaches to an open session has parameters, too. It is for the kind to say
        whether they must fit.

        Raises:
            SessionSharingError: A parameter is unknown or wrong.
        """
        ...


def with_parameters(kind: ResourceKind, parameters: Mapping[str, str]) -> ResourceKind:
    """Return the kind for a request with these parameters.

    Raises:
        SessionSharingError: The kind takes no parameters, or does not accept these.
    """
    if not parameters:
        return kind
    if not isinstance(kind, KindWithParameters):
        raise InvalidArgumentError(
            f"Resources of this kind take no parameters, but the request has "
            f"{', '.join(sorted(parameters))}. Leave them out."
        )
    return kind.with_parameters(parameters)
