"""Which requests are refused, and in which words: limits, shares of them, and rights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from session_sharing.core.behaviors import RULES, EndAction
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NameInUseError,
    NotPermittedError,
    SessionAlreadyOpenError,
    SessionNotFoundError,
)
from session_sharing.core.resources import ResourceKind
from session_sharing.core.sessions import Attachment, OpenRequest, Session


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one server holds."""

    max_sessions: int = 10_000
    """Open sessions at a time. Set it when each takes something scarce, as a file descriptor; see
    `sessions_for`."""
    max_attachments: int = 1_000
    """Attachments to one session at a time. Set it lower when each costs the resource something."""
    max_clients: int = 10_000
    """Clients at a time. Set it lower when the machine has little memory."""
    max_name_length: int = 4_096
    """Characters in a resource name, a session name or a label. Set it higher when names are longer
    than paths."""
    fair: bool = False
    """Several identities share sessions and clients, and each may have as many as it leaves free. A
    `SessionHost` sets it when it knows several identities."""


class Shares:
    """Counts what each identity holds of a limited number of things. Not thread-safe.

    Where several identities share, each may hold as many as it leaves free: half of all when it is
    alone, and less when others are there. So the next identity finds room.
    """

    def __init__(self, what: str, most: int, *, fair: bool, limit: str = "") -> None:
        """Start with nothing held.

        Args:
            what: What is counted, in the plural, for people.
            most: How many there are.
            fair: Leave room for other identities; otherwise whoever comes first may hold all.
            limit: The same as `what` for programs, where that is another word.
        """
        self._what = what
        self._limit = limit or what
        self._most = most
        self._fair = fair
        self._held: dict[str, int] = {}
        self.total = 0
        """How many all hold together."""

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._most - self.total

    def held_by(self, principal: str) -> int:
        """Tell how many an identity holds."""
        return self._held.get(principal, 0)

    def has_room(self, principal: str, count: int = 1) -> bool:
        """Tell whether an identity may hold so many more."""
        free = self._most - self.total
        mine = self._held.get(principal, 0) if self._fair else 0
        return mine + count <= free

    def check_room(self, principal: str, count: int = 1) -> None:
        """Refuse an identity that may not hold so many more.

        Raises:
            LimitExceededError: All are held, or the identity holds its share.
        """
        if self.has_room(principal, count):
            return
        if count <= self.free:
            why = f"{self.held_by(principal)} {self._what} are the share of {principal!r}"
        else:
            why = f"All {self._most} {self._what} are taken"
        raise LimitExceededError(f"{why}; end some, or try again later.", limit=self._limit)

    def take(self, principal: str, count: int = 1) -> None:
        """Count so many more."""
        self._held[principal] = self._held.get(principal, 0) + count
        self.total += count

    def give_back(self, principal: str, count: int = 1) -> None:
        """Count so many less."""
        self.total -= count
        left = self._held[principal] - count
        if left:
            self._held[principal] = left
        else:
            del self._held[principal]


_CONTROLS = re.compile(
    r"[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""C0, C1, line ends, and what turns the direction of text."""


def check_text(text: str) -> None:
    """Refuse a name or a label that could steer a terminal or forge a line.

    Raises:
        InvalidArgumentError: It has a control character.
    """
    if found := _CONTROLS.search(text):
        raise InvalidArgumentError(
            f"The name or label {text[:100]!r} has the control character {found[0]!a}; remove it."
        )


def check_request(
    request: OpenRequest, kinds: Mapping[str, ResourceKind], limits: Limits
) -> ResourceKind:
    """Refuse what is wrong whatever is open; otherwise find the request's kind.

    Raises:
        LimitExceededError: A name is too long.
        InvalidArgumentError: The kind is unknown, the resource is not named, or a name has a
            control character.
    """
    names = (request.kind, request.resource, request.session_name, request.label)
    longest = max(map(len, names))
    if longest > limits.max_name_length:
        raise LimitExceededError(
            f"A name has {longest} characters; {limits.max_name_length} are allowed.",
            limit="name_length",
        )
    for name in names:
        check_text(name)
    kind = kinds.get(request.kind)
    if kind is None:
        known = ", ".join(sorted(kinds))
        raise InvalidArgumentError(f"Unknown kind {request.kind!r}; this server has: {known}.")
    by_name = request.session_name and not RULES[request.behavior].may_create
    if not request.resource and not by_name:
        raise InvalidArgumentError("The name of the resource is missing.")
    return kind


def check_may_create(request: OpenRequest) -> None:
    """Refuse to create a session for a resource that has none.

    Raises:
        SessionNotFoundError: The request only attaches.
    """
    if not RULES[request.behavior].may_create:
        raise no_session_for(request)


def check_attach(session: Session, request: OpenRequest, limits: Limits) -> None:
    """Refuse to attach to an open session.

    Raises:
        SessionAlreadyOpenError: The request only creates, the resource is exclusive and taken, or
            the session is closing.
        SessionNotFoundError: The session is of another kind.
        NameInUseError: The request names the session differently.
        NotPermittedError: The end of the attachment would close another identity's session.
        LimitExceededError: Too many are attached.
    """
    if session.request.kind != request.kind:
        raise no_session_for(request)
    taken = session.resource.exclusive and bool(session.attachments)
    if taken or not RULES[request.behavior].may_attach:
        raise SessionAlreadyOpenError(
            f"{session.request.resource!r} already has a session: {describe_holder(session)}.",
            holder=session.request.label,
            since=session.opened_at.isoformat(timespec="seconds"),
        )
    if request.session_name not in ("", session.name):
        raise NameInUseError(
            f"{session.request.resource!r} is open under another session name: "
            f"{describe_holder(session)}."
        )
    closes = RULES[request.behavior].after_attaching is EndAction.CLOSE
    if closes and not may_close(session, request.principal):
        raise NotPermittedError(
            f"The session of {session.request.resource!r} belongs to another identity, so that "
            "leaving cannot close it; attach without closing."
        )
    if session.closing:
        raise SessionAlreadyOpenError(
            f"The session of {session.request.resource!r} is closing with its last attachment."
        )
    if len(session.attachments) >= limits.max_attachments:
        raise LimitExceededError(
            f"The session has {len(session.attachments)} attachments, which is the limit.",
            limit="attachments",
        )


def may_close(session: Session, principal: str) -> bool:
    """Tell whether an identity may close a session: its opener's, or any when it said so."""
    return session.request.anyone_may_close or principal == session.request.principal


def check_may_close(session: Session, principal: str) -> None:
    """Refuse what only those may do who may close a session.

    Raises:
        NotPermittedError: The session belongs to another identity.
    """
    if not may_close(session, principal):
        raise NotPermittedError(f"Session {session.name!r} belongs to another identity.")


def no_session_for(request: OpenRequest) -> SessionNotFoundError:
    """Say that there is no session to attach to."""
    what = request.resource or request.session_name
    return SessionNotFoundError(f"There is no open session for {what!r}.")


def describe_holder(session: Session) -> str:
    """Say who holds a session and since when, for people."""
    since = session.opened_at.isoformat(timespec="seconds")
    opener = session.request.label or "a client without a name"
    attached = len(session.attachments)
    return f"opened by {opener} at {since}, {attached} attached"


def why_attachment_ended(reason: str) -> str:
    """Say why an attachment ended, to a client that uses it again."""
    if not reason:
        return "This client has left the session."
    return f"The server has ended this client's attachment, as the client was {reason}."


def why_closed(attachment: Attachment | None, reason: str) -> str:
    """Say who closed a session for everybody, and how to keep it open."""
    who = "a client that is not attached" if attachment is None else attachment.label or "a client"
    how = f", which was {reason}," if reason else ""
    return (
        f"The session was closed for everybody by the end of {who}{how}. To keep a session until "
        "the last client leaves, open it with close_policy=WITH_LAST_ATTACHMENT."
    )
