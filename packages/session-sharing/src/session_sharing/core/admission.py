"""Refuse requests that exceed a limit, or that the caller has no right to make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_sharing.core.behaviors import RULES, EndAction
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NameInUseError,
    NotPermittedError,
    ServerDrainingError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
)
from session_sharing.core.resources import ResourceKind
from session_sharing.core.sessions import Attachment, OpenRequest, Session


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of what one server holds."""

    max_sessions: int = 10_000
    """Open sessions at a time. Set it when each session takes something scarce, such as a file
    descriptor; see `sessions_for`."""
    max_attachments: int = 1_000
    """Attachments to one session at a time. Set it lower when each attachment costs the resource
    time or memory."""
    max_clients: int = 10_000
    """Clients at a time. Set it lower when the machine has little memory."""
    max_name_length: int = 4_096
    """Characters in a resource name, a session name, a label or a parameter. Set it higher when
    names are longer than paths."""
    fair: bool = False
    """Several identities share sessions and clients: each may have as many as it leaves free. A
    `SessionHost` sets it when it knows several identities."""


class Shares:
    """Counts how many of a limited number of things each identity holds. Not thread-safe.

    When several identities share, each may hold as many as it leaves free. That is half of all
    while the other identities hold nothing, and less when they hold some. So there is always room
    for another identity.
    """

    def __init__(self, what: str, most: int, *, fair: bool, limit: str = "") -> None:
        """Start with nothing held.

        Args:
            what: Name of the things in the plural, for people.
            most: How many there are.
            fair: Leave room for other identities. Otherwise one identity may hold all.
            limit: Name of the limit for programs; by default `what`.
        """
        self._what = what
        self._limit = limit or what
        self._most = most
        self._fair = fair
        self._held: dict[str, int] = {}
        self.total = 0
        """How many all identities hold together."""

    @property
    def free(self) -> int:
        """How many no identity holds."""
        return self._most - self.total

    def held_by(self, principal: str) -> int:
        """Return how many an identity holds."""
        return self._held.get(principal, 0)

    def has_room(self, principal: str, count: int = 1) -> bool:
        """Return whether an identity may hold `count` more."""
        free = self._most - self.total
        mine = self._held.get(principal, 0) if self._fair else 0
        return mine + count <= free

    def check_room(self, principal: str, count: int = 1) -> None:
        """Refuse an identity that may not hold `count` more.

        Raises:
            LimitExceededError: All are held, or the identity holds its share.
        """
        if self.has_room(principal, count):
            return
        if count <= self.free:
            held = f"{self.held_by(principal)} {self._what}"
            why = f"{principal!r} has {held}, which is its share of the server's {self._most}."
        else:
            why = f"The server's limit of {self._most} {self._what} is reached."
        raise LimitExceededError(f"{why} End some, or try again later.", limit=self._limit)

    def take(self, principal: str, count: int = 1) -> None:
        """Count `count` more as held."""
        self._held[principal] = self._held.get(principal, 0) + count
        self.total += count

    def release(self, principal: str, count: int = 1) -> None:
        """Count `count` less as held."""
        self.total -= count
        left = self._held[principal] - count
        if left:
            self._held[principal] = left
        else:
            del self._held[principal]


_CONTROLS = re.compile(
    r"[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""C0, C1, line ends, and characters that change the direction of text."""


def check_text(text: str) -> None:
    """Refuse a name or a label that could control a terminal or look like another line.

    Raises:
        InvalidArgumentError: The text has a control character.
    """
    if found := _CONTROLS.search(text):
        raise InvalidArgumentError(
            f"The name or label {text[:100]!r} has the control character {found[0]!a}. Remove it."
        )


def check_request(
    request: OpenRequest, kinds: Mapping[str, ResourceKind], limits: Limits
) -> ResourceKind:
    """Refuse a request that is wrong in any state of the server; return its resource kind.

    Raises:
        LimitExceededError: A name is too long.
        InvalidArgumentError: The kind is unknown, the resource is not named, or a name has a
            control character.
    """
    names = [request.kind, request.resource, request.session_name, request.label]
    names += [*request.parameters, *request.parameters.values()]
    longest = max(map(len, names))
    if longest > limits.max_name_length:
        raise LimitExceededError(
            f"A name in the request has {longest} characters. Use at most "
            f"{limits.max_name_length}.",
            limit="name_length",
        )
    for name in names:
        check_text(name)
    kind = kinds.get(request.kind)
    if kind is None:
        known = ", ".join(sorted(kinds))
        raise InvalidArgumentError(
            f"This server has no resource kind {request.kind!r}. Its kinds are: {known}."
        )
    by_name = request.session_name and not RULES[request.behavior].may_create
    if not request.resource and not by_name:
        raise InvalidArgumentError(
            "The request has no resource. Name the resource, or a session to attach to."
        )
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
        SessionAlreadyOpenError: The request only creates, the resource is exclusive and in use, or
            the session is closing.
        SessionNotFoundError: The session is of another kind.
        NameInUseError: The request has another name for the session.
        NotPermittedError: The end of the attachment would close another identity's session.
        LimitExceededError: The session has too many attachments.
    """
    if session.request.kind != request.kind:
        raise no_session_for(request)
    if _is_taken(session, request):
        raise SessionAlreadyOpenError(
            f"{session.request.resource!r} already has a session: {describe_holder(session)}. "
            "Attach to it, or try again after it is closed.",
            holder=session.request.label,
            since=session.opened_at.isoformat(timespec="seconds"),
        )
    if request.session_name not in ("", session.name):
        raise NameInUseError(
            f"{session.request.resource!r} is open under another session name: "
            f"{describe_holder(session)}. Leave the session name empty to attach to it."
        )
    closes = RULES[request.behavior].after_attaching is EndAction.CLOSE
    if closes and not may_close(session, request.principal):
        raise NotPermittedError(
            f"The session of {session.request.resource!r} belongs to another identity. This client "
            "may not close it. Attach with ATTACH_TO_SERVER_SESSION, which leaves it open."
        )
    if session.closing:
        raise SessionAlreadyOpenError(
            f"A client has closed the session of {session.request.resource!r}. The session ends "
            "with its last attachment. Try again after that."
        )
    if len(session.attachments) >= limits.max_attachments:
        raise LimitExceededError(
            f"The session has {len(session.attachments)} attachments, which is the limit. Detach "
            "some, or try again later.",
            limit="attachments",
        )


def is_in_use(session: Session, request: OpenRequest) -> bool:
    """Return whether a request must wait, or be refused, until other clients have left."""
    return session.closing or _is_taken(session, request)


def _is_taken(session: Session, request: OpenRequest) -> bool:
    """Return whether the resource admits no more attachments, or the request only creates."""
    taken = session.resource.exclusive and bool(session.attachments)
    return taken or not RULES[request.behavior].may_attach


def check_may_wait(session: Session, limits: Limits) -> None:
    """Refuse one more request that waits for a resource.

    Raises:
        LimitExceededError: Too many wait for it.
    """
    if len(session.waiting) >= limits.max_attachments:
        raise LimitExceededError(
            f"{len(session.waiting)} clients wait for {session.request.resource!r}, which is the "
            "limit. Try again later.",
            limit="attachments",
        )


def waited_too_long(
    request: OpenRequest, holder: Session | None, ahead: Sequence[str]
) -> SessionAlreadyOpenError:
    """Return the error for a request that has waited for as long as it wanted.

    Args:
        request: The request.
        holder: The session that is open; None while one is being opened or released.
        ahead: Names of the clients that came before it and wait, too.
    """
    state = describe_holder(holder) if holder else "it is being opened or released"
    names = [name or "a client without a name" for name in ahead]
    before = f" {len(names)} waited before this client: {', '.join(names)}." if names else ""
    return SessionAlreadyOpenError(
        f"{request.resource!r} was in use for all of the {request.wait:g} s that this client "
        f"waited: {state}.{before} Wait longer, or find out why it is not released.",
        holder=holder.request.label if holder else "",
        since=holder.opened_at.isoformat(timespec="seconds") if holder else "",
        ahead=", ".join(names),
    )


def may_close(session: Session, principal: str) -> bool:
    """Return whether an identity may close a session: the opener's, or any if the opener allows."""
    return session.request.anyone_may_close or principal == session.request.principal


def check_may_close(session: Session, principal: str, *, by_administrator: bool = False) -> None:
    """Refuse a request that needs the right to close the session.

    Args:
        session: The session.
        principal: Identity of the caller.
        by_administrator: The caller may close and change every session.

    Raises:
        NotPermittedError: The session belongs to another identity.
    """
    if not (by_administrator or may_close(session, principal)):
        raise NotPermittedError(
            f"Session {session.name!r} belongs to another identity, which alone may close or "
            "change it. Open it with anyone_may_close to allow others, or use a key with the role "
            "'administrate'."
        )


def server_is_draining() -> ServerDrainingError:
    """Return the error for a new client or session while the server stops."""
    return ServerDrainingError(
        "The server is stopping and accepts no new clients and sessions. Try again when it has "
        "restarted."
    )


def unknown_session(name: str) -> SessionNotFoundError:
    """Return the error for a session name that no open session has."""
    return SessionNotFoundError(
        f"There is no open session {name!r}. It was closed, or never opened.", session_name=name
    )


def ended_attachment(why: str, epoch: str) -> SessionExpiredError:
    """Return the error for an attachment that has ended or is unknown.

    Args:
        why: A sentence that says why it ended; empty when that is not known.
        epoch: The epoch of this server.
    """
    unknown = (
        "The server does not know this attachment: its session was closed long ago, or never "
        "opened here. Open the session again."
    )
    return SessionExpiredError(why or unknown, epoch=epoch)


def client_expired() -> SessionExpiredError:
    """Return the error for a client that expired before its session was open."""
    return SessionExpiredError(
        "This client was lost for too long, so the server ended it. Open the session again."
    )


def no_session_for(request: OpenRequest) -> SessionNotFoundError:
    """Return the error for a request to attach when there is no session."""
    name = request.resource or request.session_name
    return SessionNotFoundError(
        f"There is no open session for {name!r}. Create it first, or use the behavior AUTO."
    )


def describe_holder(session: Session) -> str:
    """Return a text for people: who opened a session, when, and how many are attached."""
    since = session.opened_at.isoformat(timespec="seconds")
    opener = session.request.label or "a client without a name"
    waiting = f", {len(session.waiting)} waiting" if len(session.waiting) else ""
    return f"opened by {opener} at {since}, {len(session.attachments)} attached{waiting}"


def why_attachment_ended(reason: str) -> str:
    """Return a sentence for a client that uses an ended attachment: why it ended."""
    if not reason:
        return "This client has left the session."
    return f"The server has ended this client's attachment ({reason}). Open the session again."


def why_closed(attachment: Attachment | None, reason: str) -> str:
    """Return a sentence that says who closed a session for everybody, and how to keep it open."""
    who = "a client that is not attached" if attachment is None else attachment.label or "a client"
    how = f"the attachment of {who} ended ({reason})" if reason else f"{who} closed or left it"
    return (
        f"The session was closed for everybody, because {how}. To keep a session until the last "
        "client leaves, open it with close_policy=WITH_LAST_ATTACHMENT."
    )
