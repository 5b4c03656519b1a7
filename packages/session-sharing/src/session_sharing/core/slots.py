"""Keep the state of every resource: free (it has no slot), in transition, or open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from session_sharing.core.admission import Shares
from session_sharing.core.errors import NameInUseError
from session_sharing.core.sessions import Attachment, FailedSession, Session
from session_sharing.core.waiting import Line, PendingOpen

_REMEMBERED_ENDS = 10_000
"""How many of the latest ended attachments the table remembers, with the reason."""
_MOST_FAILED = 100
"""How many of the latest sessions with a failed release the table remembers."""


@dataclass(slots=True, eq=False)
class Transition:
    """A resource that is being opened or released."""

    name: str
    """Session name; no other session may take it meanwhile."""
    principal: str
    """Identity of the opener of the session."""
    waiting: Line = field(default_factory=Line)
    """The requests that wait for the end of the transition."""
    stuck: bool = False
    """The release hook has not returned in time."""


class SlotTable:
    """Sessions by resource, by name and by attachment, each found in O(1).

    The registry's lock guards every change; single look-ups need none.
    """

    def __init__(self, shares: Shares) -> None:
        """Start empty; `shares` counts the sessions of each identity."""
        self.shares = shares
        self._slots: dict[Hashable, Session | Transition] = {}
        self._keys: dict[str, Hashable] = {}
        self._attachments: dict[str, Attachment] = {}
        self._former: dict[Hashable, Hashable] = {}
        """The present key of a resource, by the key that it had before."""
        self._ends: OrderedDict[str, str] = OrderedDict()
        """Why each attachment ended, by its id."""
        self._failed: OrderedDict[Hashable, FailedSession] = OrderedDict()
        """Sessions whose release failed, by resource, until a later release of it succeeds."""
        self._orphans: dict[str, dict[Session, None]] = {}
        """Sessions without attachments by their opener's identity, the oldest orphan first."""

    def __len__(self) -> int:
        return len(self._slots)

    def at(self, key: Hashable) -> Session | Transition | None:
        """Return the session or the transition of a resource; None when it is free."""
        return self._slots.get(self._former.get(key, key))

    def named(self, name: str) -> Session | None:
        """Return an open session by name."""
        slot = self._slots.get(self._keys.get(name))
        return slot if isinstance(slot, Session) else None

    def attachment(self, attachment_id: str) -> Attachment | None:
        """Return an attachment that has not ended."""
        return self._attachments.get(attachment_id)

    def why_ended(self, attachment_id: str) -> str:
        """Return a sentence that says why an attachment ended; empty when that is not known."""
        return self._ends.get(attachment_id, "")

    def sessions(self) -> Iterator[Session]:
        """Yield the open sessions."""
        return (slot for slot in self._slots.values() if isinstance(slot, Session))

    def begin(self, name: str, key: Hashable, principal: str) -> Transition:
        """Reserve a free resource, and a name, for a session that an identity is opening.

        Raises:
            NameInUseError: The name belongs to another resource.
        """
        if name in self._keys:
            raise NameInUseError(
                f"The session name {name!r} belongs to another resource. Choose another name, or "
                "leave it empty for a generated one."
            )
        transition = self._slots[key] = Transition(name, principal)
        self._keys[name] = key
        self.shares.take(principal)
        return transition

    def settle(self, session: Session, transition: Transition) -> None:
        """Replace a transition by the session that was opened; the session gets its line."""
        session.waiting = transition.waiting
        self._slots[session.key] = session

    def move(self, session: Session, key: Hashable) -> None:
        """Give an open session a new key; its last key before still finds it, too."""
        self._forget_former(session.key)
        del self._slots[session.key]
        self._former[session.key] = key
        self._keys[session.name] = session.key = key
        self._slots[key] = session

    def vacate(self, session: Session, first: PendingOpen | None, why: str) -> Transition:
        """Replace a session by the transition in which its resource is released; it gets the line.

        Args:
            session: The session.
            first: A request to put before all others in the line.
            why: A sentence for the clients that are still attached.
        """
        session.open = False
        for attachment in list(session.attachments.values()):
            self.drop(attachment, why)
        self.forget_orphan(session)
        principal = session.request.principal
        transition = Transition(session.name, principal, session.waiting)
        if first is not None:
            transition.waiting.add(first, first=True)
        self._slots[session.key] = transition
        return transition

    def leave(self, transition: Transition, key: Hashable) -> None:
        """Free a resource and its session name."""
        self._forget_former(key)
        del self._slots[key]
        del self._keys[transition.name]
        self.shares.release(transition.principal)

    def failed(self) -> list[FailedSession]:
        """Return the sessions whose release hook failed, the oldest first."""
        return list(self._failed.values())

    def note_release(self, session: Session, failure: str) -> None:
        """Remember whether the release hook of a session failed.

        Args:
            session: The session, which has ended.
            failure: Text of the error; empty when the release succeeded.
        """
        self._failed.pop(session.key, None)
        if failure:
            self._failed[session.key] = FailedSession(session, failure)
            if len(self._failed) > _MOST_FAILED:
                self._failed.popitem(last=False)

    def note_orphan(self, session: Session) -> None:
        """Note that an open session has no attachment any more."""
        orphans = self._orphans.setdefault(session.request.principal, {})
        orphans.setdefault(session)

    def forget_orphan(self, session: Session) -> None:
        """Note that a session is not an orphan: it has an attachment, or it has ended."""
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        principal = session.request.principal
        orphans = self._orphans.get(principal, {})
        orphans.pop(session, None)
        if not orphans:
            self._orphans.pop(principal, None)

    def orphans_that_yield_to(self, principal: str) -> Iterator[Session]:
        """Yield the sessions without attachments that may be closed for a session of an identity.

        They are its own, and those of identities that have at least as many sessions. Those of the
        identity with the most sessions come first, and of these the oldest.
        """
        held = self.shares.held_by
        most_first = sorted(self._orphans, key=held, reverse=True)
        for owner in most_first:
            if held(owner) >= held(principal):
                yield from self._orphans[owner]

    def _forget_former(self, key: Hashable) -> None:
        for former in [old for old, new in self._former.items() if new == key]:
            del self._former[former]

    def attach(self, attachment: Attachment) -> None:
        """Add a new attachment to every table."""
        self._attachments[attachment.id] = attachment
        attachment.session.attachments[attachment.id] = attachment
        attachment.client.attachments[attachment.id] = attachment
        self.forget_orphan(attachment.session)

    def drop(self, attachment: Attachment, why: str) -> None:
        """Remove an attachment from every table; remember why it ended."""
        self._ends[attachment.id] = why
        if len(self._ends) > _REMEMBERED_ENDS:
            self._ends.popitem(last=False)
        for table in (
            self._attachments,
            attachment.session.attachments,
            attachment.client.attachments,
        ):
            table.pop(attachment.id, None)
        for tell in attachment.when_ended:
            tell()
