"""Sessions, attachments and the requests that make them."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from session_sharing.core.behaviors import RULES, ClosePolicy, EndAction, InitializationBehavior
from session_sharing.core.events import EventType, SessionEvent, utc_now
from session_sharing.core.leases import Lease
from session_sharing.core.resources import Candidate, Resource

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a caller wants to open, and how."""

    kind: str
    """Resource kind, as the registry names it."""
    resource: str = ""
    """Name of the resource; may be empty when attaching by session name."""
    session_name: str = ""
    """Name for the session; empty for a generated one, or to attach by resource."""
    behavior: InitializationBehavior = InitializationBehavior.AUTO
    """Whether to create or attach, and what the end of the attachment does."""
    close_policy: ClosePolicy = ClosePolicy.FOR_EVERYONE
    """For whom closing closes; decided by whoever creates the session."""
    reclaim: bool = False
    """Close a session that stands in the way when nobody is attached to it."""
    label: str = ""
    """Who asks, for people."""
    principal: str = ""
    """Identity of the caller; empty where all callers are one."""
    anyone_may_close: bool = False
    """Other identities may close the session; decided by whoever creates it."""


@dataclass(slots=True, eq=False)
class Session:
    """An open resource with a name. Only its registry changes it."""

    name: str
    key: Hashable
    generation: int
    resource: Resource
    request: OpenRequest
    """The request that created it."""
    opened_at: datetime = field(default_factory=utc_now)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    closing: bool = False
    """Somebody closed it; it takes no new attachments and closes with its last one."""
    closes_with_last: bool = False
    """Whoever was to close it has left; it closes with its last attachment."""
    open: bool = True
    last_call: float = -math.inf
    """When a caller without an attachment last used it, on the registry's clock."""
    orphan_lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class FailedSession:
    """A session that is over and whose resource was not released as it should be."""

    session: Session
    reason: str
    """What its release hook raised."""
    failed_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class Expiry:
    """How a client ended that was away for too long."""

    reason: str
    attachments: int
    """How many of them ended with it."""


@dataclass(slots=True, eq=False)
class Client:
    """Somebody who holds attachments. Its presence decides when they end."""

    id: str
    """Public name, derived from the client's secret."""
    principal: str = ""
    label: str = ""
    window: float = 2.0
    """Seconds in which its silence is noticed."""
    attachments: dict[str, Attachment] = field(default_factory=dict)
    opens: dict[str, Future[Opened]] = field(default_factory=dict)
    """Answers by request id, so that a repeated request takes effect once."""
    streams: int = 0
    """Open presence streams."""
    present_by_calls: bool = False
    """It holds no stream; every call renews its lease instead."""
    lease: Lease | None = None
    """Runs while no stream is open."""
    ended: bool = False
    expiry: Expiry | None = None
    """How this client's predecessor ended, whose secret it has."""

    @property
    def is_opening(self) -> bool:
        """Whether a request of this client is on its way."""
        return any(not answer.done() for answer in self.opens.values())

    def note_call(self) -> None:
        """Keep a client present that shows its presence by its calls."""
        if self.present_by_calls and self.lease is not None:
            self.lease.renew(self.window)


@dataclass(slots=True, eq=False)
class Attachment:
    """One client's hold on one session; its id stands for both in every call."""

    id: str
    session: Session
    client: Client
    behavior: InitializationBehavior
    created: bool
    """Whether this attachment created the session."""
    label: str
    since: datetime = field(default_factory=utc_now)

    @property
    def end_action(self) -> EndAction:
        """What the end of this attachment does to the session."""
        return RULES[self.behavior].end_action(self.created)


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to a request."""

    session: Session
    new_session: bool
    attachment: Attachment | None
    """None for callers without a client, whose calls name the session."""
    reclaimed: str = ""
    """What was reclaimed to make room, for people; empty when nothing was."""


@dataclass(slots=True, eq=False)
class PendingOpen:
    """A request on its way through the registry, with the resource it means."""

    request: OpenRequest
    client: Client | None
    candidate: Candidate
    result: Future[Opened]
    reclaimed: str = ""
    made_room: bool = False
    """A session was closed for this one."""

    @property
    def key(self) -> Hashable:
        """Identity of the resource; kinds do not share theirs."""
        return self.request.kind, self.candidate.key

    def claim(self) -> bool:
        """Begin to carry the request out, unless its caller has cancelled it."""
        return self.result.running() or self.result.set_running_or_notify_cancel()

    def succeed(self, opened: Opened) -> None:
        """Answer; the resource was opened by an earlier request."""
        self.result.set_result(opened)
        self.discard()

    def fail(self, error: BaseException) -> None:
        """Answer that it cannot be."""
        if self.claim():
            self.result.set_exception(error)
        self.discard()

    def discard(self) -> None:
        """Give back what locating took."""
        try:
            self.candidate.discard()
        except Exception:
            _log.exception("A located resource cannot be given back.")


@dataclass(slots=True, eq=False)
class Transition:
    """A resource between two states, and the requests that wait for what comes out."""

    name: str
    """Session name that is taken meanwhile."""
    principal: str
    """Identity whose session it is, or will be."""
    waiting: list[PendingOpen] = field(default_factory=list)
    stuck: bool = False
    """A release hook that has not returned in time."""

    def take_waiting(self) -> list[PendingOpen]:
        """Hand over the requests that wait, each of them once."""
        taken, self.waiting = self.waiting, []
        return taken

    def withdraw(self, pending: PendingOpen) -> bool:
        """Let a request go that waits here; tell whether it did."""
        if pending not in self.waiting:
            return False
        self.waiting.remove(pending)
        return True


def session_event(
    event: EventType, session: Session, attachment: Attachment | None, reason: str
) -> SessionEvent:
    """Describe what happened to a session, or to one attachment to it."""
    client = attachment.client if attachment else None
    return SessionEvent(
        event,
        session_name=session.name,
        kind=session.request.kind,
        resource=session.request.resource,
        generation=session.generation,
        client_id=client.id if client else "",
        label=attachment.label if attachment else session.request.label,
        reason=reason,
        principal=client.principal if client else session.request.principal,
    )


_LONGEST_FACT = 1000
"""Characters of a name in the event of a refusal: refused names may be of any length."""


def refusal(request: OpenRequest, reason: str) -> SessionEvent:
    """Describe a request that was refused."""
    return SessionEvent(
        EventType.REFUSED,
        session_name=request.session_name[:_LONGEST_FACT],
        kind=request.kind[:_LONGEST_FACT],
        resource=request.resource[:_LONGEST_FACT],
        label=request.label[:_LONGEST_FACT],
        reason=reason[:_LONGEST_FACT],
        principal=request.principal,
    )
