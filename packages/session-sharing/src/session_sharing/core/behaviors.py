"""Define the behaviors: whether a client creates, attaches and closes. Both halves read it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

MIN_SECRET_BYTES = 16
"""Smallest size, in bytes, of the secret by which a server knows a client."""


class InitializationBehavior(enum.IntEnum):
    """Whether a caller creates a session or attaches to one, and what its end does.

    The integers equal those of the enum of the same name in NI's measurement plug-in SDK.
    """

    AUTO = 0
    """Attach to the open session, or create one. The client that created it closes it at its end.
    It suits most programs."""
    INITIALIZE_SERVER_SESSION = 1
    """Create a session, and fail if there is one; close it at the end. Use it when a program must
    have the resource to itself at the start."""
    ATTACH_TO_SERVER_SESSION = 2
    """Attach to the open session, and fail if there is none; leave it open at the end. Use it when
    another program opens and closes the session."""
    INITIALIZE_SESSION_THEN_DETACH = 3
    """Create a session, and fail if there is one; leave it open at the end. Use it in the step that
    opens a session for later steps."""
    ATTACH_TO_SESSION_THEN_CLOSE = 4
    """Attach to the open session, and fail if there is none; close it at the end. Use it in the
    step that closes a session which an earlier step opened."""


class EndAction(enum.Enum):
    """The effect that the end of an attachment has on its session."""

    CLOSE = "close"
    DETACH = "detach"


class ClosePolicy(enum.IntEnum):
    """When a close takes effect: at once for all, or with the last attachment."""

    FOR_EVERYONE = 0
    """At once, for every attachment, as NI's gRPC Device Server does."""
    WITH_LAST_ATTACHMENT = 1
    """When the last attachment ends. It suits programs that share one session under AUTO. After an
    explicit `close()` no client may attach any more."""


@dataclass(frozen=True, slots=True)
class BehaviorRule:
    """One row of the table."""

    may_create: bool
    may_attach: bool
    after_creating: EndAction
    after_attaching: EndAction

    def end_action(self, created: bool) -> EndAction:
        """Return what the end of an attachment does, given whether it created the session."""
        return self.after_creating if created else self.after_attaching


_CLOSE, _DETACH = EndAction.CLOSE, EndAction.DETACH

RULES = {
    InitializationBehavior.AUTO: BehaviorRule(True, True, _CLOSE, _DETACH),
    InitializationBehavior.INITIALIZE_SERVER_SESSION: BehaviorRule(True, False, _CLOSE, _CLOSE),
    InitializationBehavior.ATTACH_TO_SERVER_SESSION: BehaviorRule(False, True, _DETACH, _DETACH),
    InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH: BehaviorRule(
        True, False, _DETACH, _DETACH
    ),
    InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE: BehaviorRule(False, True, _CLOSE, _CLOSE),
}
