"""What the parts of a registry share: its lock, its slots, its times and its events."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from session_sharing.core.admission import Limits
from session_sharing.core.events import EventLog, EventType
from session_sharing.core.leases import Clock, Leases
from session_sharing.core.resources import ResourceKind
from session_sharing.core.sessions import (
    Attachment,
    FailedSession,
    OpenRequest,
    Session,
    refusal,
    session_event,
)
from session_sharing.core.shares import Shares
from session_sharing.core.slots import SlotTable

_MOST_FAILED = 100
"""Sessions whose release failed that are remembered, the latest ones."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Times and limits of a registry."""

    orphan_timeout: float = 12 * 3600.0
    """Seconds after which a session without attachments is closed; 0 for never."""
    call_ttl: float = 60.0
    """Seconds for which a call without an attachment counts as somebody being there."""
    release_timeout: float = 10.0
    """Seconds that a release hook may take before its resource counts as stuck."""
    limits: Limits = field(default_factory=Limits)


class RegistryState:
    """The state of one registry. Its lock guards every change of it."""

    def __init__(
        self,
        kinds: Mapping[str, ResourceKind],
        executor: Executor,
        clock: Clock,
        options: RegistryOptions,
    ) -> None:
        self.kinds = dict(kinds)
        self.executor = executor
        self.clock = clock
        self.options = options
        self.lock = threading.RLock()
        limits = options.limits
        self.slots = SlotTable(Shares("sessions", limits.max_sessions, fair=limits.fair))
        self.events = EventLog()
        self.leases = Leases(clock)
        self.failed: OrderedDict[Hashable, FailedSession] = OrderedDict()
        """Sessions whose release failed, by resource, until a later one of it is released well."""
        self.draining = False
        """Nothing new is opened; what is under way goes on."""
        self.closed = False
        """Whatever opens from now on is released at once."""

    def publish(
        self,
        event: EventType,
        session: Session,
        attachment: Attachment | None = None,
        reason: str = "",
    ) -> None:
        """Tell what happened to a session, or to one attachment to it."""
        self.events.publish(session_event(event, session, attachment, reason))

    def note_release(self, session: Session, failure: str) -> None:
        """Remember whether a session's resource was released as it should be.

        Args:
            session: The session, which is over.
            failure: What its release hook raised; empty when it went well.
        """
        self.failed.pop(session.key, None)
        if failure:
            self.failed[session.key] = FailedSession(session, failure)
            if len(self.failed) > _MOST_FAILED:
                self.failed.popitem(last=False)

    def refuse(self, request: OpenRequest, error: BaseException) -> None:
        """Tell that a request was refused."""
        self.events.publish(refusal(request, str(error)))
