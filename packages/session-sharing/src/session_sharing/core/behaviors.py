"""Who creates, who attaches and who closes: the table that servers and clients both read."""

from __future__ import annotations

import enum
from dataclasses import dataclass

MIN_SECRET_BYTES = 16
"""Bytes of the secret by which a server knows a client, at the least."""


class InitializationBehavior(enum.IntEnum):
    """How a caller wants to come to a session.

    The integers equal those of the enum of the same name in NI's measurement plug-in SDK.
    """

    AUTO = 0
    """Attach to the open session, or create one; whoever created it closes it."""
    INITIALIZE_SERVER_SESSION = 1
    """Create a session, fail if there is one; close it at the end."""
    ATTACH_TO_SERVER_SESSION = 2
    """Attach to the open session, fail if there is none; leave it open at the end."""
    INITIALIZE_SESSION_THEN_DETACH = 3
    """Create a session, fail if there is one; leave it open at the end."""
    ATTACH_TO_SESSION_THEN_CLOSE = 4
    """Attach to the open session, fail if there is none; close it at the end."""


class EndAction(enum.Enum):
    """What the end of an attachment does to its session."""

    CLOSE = "close"
    DETACH = "detach"


class ClosePolicy(enum.IntEnum):
    """For whom closing a session closes it."""

    FOR_EVERYONE = 0
    """At once, for every attachment, as NI's gRPC Device Server does."""
    WITH_LAST_ATTACHMENT = 1
    """When the last attachment goes. It suits programs that share one session under AUTO. After an
    explicit `close()` nobody new may attach."""


@dataclass(frozen=True, slots=True)
class BehaviorRule:
    """One row of the table."""

    may_create: bool
    may_attach: bool
    after_creating: EndAction
    after_attaching: EndAction

    def end_action(self, created: bool) -> EndAction:
        """Tell what the end of an attachment does, given whether it created the session."""
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
