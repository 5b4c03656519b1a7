"""Where every resource stands: free (no slot), between two states, or open."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from session_sharing.core.admission import Shares
from session_sharing.core.errors import NameInUseError
from session_sharing.core.resources import Candidate
from session_sharing.core.sessions import (
    Attachment,
    Client,
    FailedSession,
    Opened,
    OpenRequest,
    Session,
)

_REMEMBERED_ENDS = 10_000
"""Latest attachments of which it is known why they ended."""
_MOST_FAILED = 100
"""Sessions whose release failed that are remembered, the latest ones."""

_log = logging.getLogger(__name__)


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


class SlotTable:
    """Sessions by resource, by name and by attachment, each found in O(1).

    The registry's lock guards every change; single look-ups need none.
    """

    def __init__(self, shares: Shares) -> None:
        """Start empty; `shares` counts who has how many sessions."""
        self.shares = shares
        self._slots: dict[Hashable, Session | Transition] = {}
        self._keys: dict[str, Hashable] = {}
        self._attachments: dict[str, Attachment] = {}
        self._former: dict[Hashable, Hashable] = {}
        """The present key of a resource, by the one that it had before."""
        self._ends: OrderedDict[str, str] = OrderedDict()
        """Why attachments ended."""
        self._failed: OrderedDict[Hashable, FailedSession] = OrderedDict()
        """Sessions whose release failed, by resource, until a later one of it is released well."""
        self._orphans: dict[str, dict[Session, None]] = {}
        """Sessions without attachments by their opener's identity, the longest so first."""

    def __len__(self) -> int:
        return len(self._slots)

    def at(self, key: Hashable) -> Session | Transition | None:
        """Tell what stands at a resource."""
        return self._slots.get(self._former.get(key, key))

    def named(self, name: str) -> Session | None:
        """Find an open session by name."""
        slot = self._slots.get(self._keys.get(name))
        return slot if isinstance(slot, Session) else None

    def attachment(self, attachment_id: str) -> Attachment | None:
        """Find an attachment that is not over."""
        return self._attachments.get(attachment_id)

    def why_ended(self, attachment_id: str) -> str:
        """Tell why an attachment ended, in a sentence; empty when that is not known."""
        return self._ends.get(attachment_id, "")

    def sessions(self) -> Iterator[Session]:
        """Give the open sessions."""
        return (slot for slot in self._slots.values() if isinstance(slot, Session))

    def begin(self, name: str, key: Hashable, principal: str) -> Transition:
        """Take a free resource, and a name, for a session that an identity is opening.

        Raises:
            NameInUseError: The name belongs to another resource.
        """
        if name in self._keys:
            raise NameInUseError(f"The session name {name!r} belongs to another resource.")
        transition = self._slots[key] = Transition(name, principal)
        self._keys[name] = key
        self.shares.take(principal)
        return transition

    def settle(self, session: Session) -> None:
        """Put an opened session in the place of its transition."""
        self._slots[session.key] = session

    def move(self, session: Session, key: Hashable) -> None:
        """Put an open session under a new key; only its last key before still finds it as well."""
        self._forget_former(session.key)
        del self._slots[session.key]
        self._former[session.key] = key
        self._keys[session.name] = session.key = key
        self._slots[key] = session

    def vacate(self, session: Session, first: PendingOpen | None, why: str) -> Transition:
        """Take a session away from everybody while its resource is being released."""
        session.open = False
        for attachment in list(session.attachments.values()):
            self.drop(attachment, why)
        self.note_attended(session)
        principal = session.request.principal
        transition = Transition(session.name, principal, [first] if first else [])
        self._slots[session.key] = transition
        return transition

    def leave(self, transition: Transition, key: Hashable) -> None:
        """Free a resource and its session name."""
        self._forget_former(key)
        del self._slots[key]
        del self._keys[transition.name]
        self.shares.give_back(transition.principal)

    def failed(self) -> list[FailedSession]:
        """Give the sessions whose resource was not released as it should be, the oldest first."""
        return list(self._failed.values())

    def note_release(self, session: Session, failure: str) -> None:
        """Remember whether a session's resource was released as it should be.

        Args:
            session: The session, which is over.
            failure: What its release hook raised; empty when it went well.
        """
        self._failed.pop(session.key, None)
        if failure:
            self._failed[session.key] = FailedSession(session, failure)
            if len(self._failed) > _MOST_FAILED:
                self._failed.popitem(last=False)

    def note_orphan(self, session: Session) -> None:
        """Note that nobody is attached to an open session any more."""
        orphans = self._orphans.setdefault(session.request.principal, {})
        orphans.setdefault(session)

    def note_attended(self, session: Session) -> None:
        """Note that somebody is attached to a session, or that it is over: it is no orphan."""
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        principal = session.request.principal
        orphans = self._orphans.get(principal, {})
        orphans.pop(session, None)
        if not orphans:
            self._orphans.pop(principal, None)

    def orphans_that_yield_to(self, principal: str) -> Iterator[Session]:
        """Give the sessions without attachments whose room an identity may have.

        They are its own, and those of identities with as many sessions as it has, or more: of
        whoever has most first, and of those the oldest first.
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
        """Enter a new attachment everywhere."""
        self._attachments[attachment.id] = attachment
        attachment.session.attachments[attachment.id] = attachment
        attachment.client.attachments[attachment.id] = attachment
        self.note_attended(attachment.session)

    def drop(self, attachment: Attachment, why: str) -> None:
        """Forget an attachment everywhere; its holder is told why when it comes again."""
        self._ends[attachment.id] = why
        if len(self._ends) > _REMEMBERED_ENDS:
            self._ends.popitem(last=False)
        for table in (
            self._attachments,
            attachment.session.attachments,
            attachment.client.attachments,
        ):
            table.pop(attachment.id, None)
