"""Sessions, attachments, clients, and the requests that make them: plain data."""

from __future__ import annotations

import math
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from session_sharing.core.behaviors import RULES, ClosePolicy, EndAction, InitializationBehavior
from session_sharing.core.events import utc_now
from session_sharing.core.leases import Lease
from session_sharing.core.resources import Resource


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

    @property
    def waits_for_last(self) -> bool:
        """Whether closing it waits for others that are attached."""
        policy = self.request.close_policy
        return policy is ClosePolicy.WITH_LAST_ATTACHMENT and bool(self.attachments)


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
