"""Define the data of sessions, attachments and clients, and of the requests that make them."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from session_sharing.core.behaviors import RULES, ClosePolicy, EndAction, InitializationBehavior
from session_sharing.core.events import utc_now
from session_sharing.core.leases import Lease
from session_sharing.core.resources import Resource
from session_sharing.core.waiting import Line


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request to open a session."""

    kind: str
    """Resource kind, as the registry names it."""
    resource: str = ""
    """Name of the resource; may be empty when attaching by session name."""
    session_name: str = ""
    """Name for the session; empty for a generated one, or to attach by resource."""
    behavior: InitializationBehavior = InitializationBehavior.AUTO
    """Whether to create or attach, and what the end of the attachment does."""
    close_policy: ClosePolicy = ClosePolicy.FOR_EVERYONE
    """When a close takes effect. The request that creates the session decides it."""
    reclaim: bool = False
    """Close a session without attachments first, if it prevents a new one."""
    wait: float = 0.0
    """Seconds to wait, behind those who came before, while the resource is in use; 0 to be refused
    at once. Only for requests that name the resource."""
    label: str = ""
    """Name of the caller for people."""
    principal: str = ""
    """Identity of the caller; empty when the server does not distinguish callers."""
    anyone_may_close: bool = False
    """Other identities may close the session. The request that creates the session decides it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """How to open the resource, for kinds that take parameters."""


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
    waiting: Line = field(default_factory=Line)
    """The requests that wait until the resource is not in use."""
    closing: bool = False
    """A client closed it. It accepts no new attachments, and closes with its last one."""
    closes_with_last: bool = False
    """The client that was to close it has left. It closes with its last attachment."""
    open: bool = True
    last_call: float = -math.inf
    """When a caller without an attachment last used it, on the registry's clock."""
    orphan_lease: Lease | None = None
    alone: threading.Lock = field(default_factory=threading.Lock)
    """Held while a hook of the resource runs, or a function that must run alone."""
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Orders such functions of a server's calls, so that they take no thread while they wait."""
    released: bool = False
    """The hook `close` or `abandon` was called; no other hook follows."""

    @property
    def has_parts(self) -> bool:
        """Whether the resource has a hook for the end of one attachment."""
        return type(self.resource).end_attachment is not Resource.end_attachment

    @property
    def waits_for_last(self) -> bool:
        """Whether a close waits for the other attachments."""
        policy = self.request.close_policy
        return policy is ClosePolicy.WITH_LAST_ATTACHMENT and bool(self.attachments)


@dataclass(frozen=True, slots=True)
class FailedSession:
    """A session that has ended and whose release hook failed."""

    session: Session
    reason: str
    """Text of the error that the release hook raised."""
    failed_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Why a client expired, and how many attachments it lost."""

    reason: str
    attachments: int
    """How many of them ended with it."""


@dataclass(slots=True, eq=False)
class Client:
    """A client, which holds attachments. They end when it is lost for too long."""

    id: str
    """Public name, derived from the client's secret."""
    principal: str = ""
    label: str = ""
    window: float = 2.0
    """Presence window, in seconds."""
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
    """How the earlier client with the same secret ended, if it expired."""

    @property
    def is_opening(self) -> bool:
        """Whether a request of this client has no answer yet."""
        return any(not answer.done() for answer in self.opens.values())

    def note_call(self) -> None:
        """Renew the lease of a client that shows its presence by calls."""
        if self.present_by_calls and self.lease is not None:
            self.lease.renew(self.window)


@dataclass(slots=True, eq=False)
class Attachment:
    """One client's right to use one session; in calls, its id stands for both."""

    id: str
    session: Session
    client: Client
    behavior: InitializationBehavior
    created: bool
    """Whether this attachment created the session."""
    label: str
    since: datetime = field(default_factory=utc_now)
    uses: int = 0
    """Calls under way that use it; counted only where the resource has a hook for its end."""
    when_ended: list[Callable[[], object]] = field(default_factory=list)
    """Called, with the registry's lock, when it ends."""
    when_unused: Callable[[], object] | None = None
    """Called, after the attachment has ended, when the last of these calls returns."""

    @property
    def end_action(self) -> EndAction:
        """What the end of this attachment does to the session."""
        return RULES[self.behavior].end_action(self.created)


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to a request to open a session."""

    session: Session
    new_session: bool
    attachment: Attachment | None
    """None for callers without a client, whose calls name the session."""
    reclaimed: str = ""
    """The session that was closed for this one, for people; empty when there was none."""
