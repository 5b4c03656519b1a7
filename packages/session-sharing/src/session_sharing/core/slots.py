"""Keep the state of every resource: free (it has no slot), in transition, or open."""

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
"""How many of the latest ended attachments the table remembers, with the reason."""
_MOST_FAILED = 100
"""How many of the latest sessions with a failed release the table remembers."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PendingOpen:
    """A request that the registry has not answered yet, with the resource that it means."""

    request: OpenRequest
    client: Client | None
    candidate: Candidate
    result: Future[Opened]
    reclaimed: str = ""
    made_room: bool = False
    """A session was closed for this one."""

    @property
    def key(self) -> Hashable:
        """Identity of the resource, together with its kind."""
        return self.request.kind, self.candidate.key

    def claim(self) -> bool:
        """Begin to carry the request out; False when its caller has cancelled it."""
        return self.result.running() or self.result.set_running_or_notify_cancel()

    def succeed(self, opened: Opened) -> None:
        """Answer with a session that an earlier request opened."""
        self.result.set_result(opened)
        self.discard()

    def fail(self, error: BaseException) -> None:
        """Free what was opened, and then answer with an error, so that nothing is left by then."""
        is_wanted = self.claim()
        self.discard()
        if is_wanted:
            self.result.set_exception(error)

    def discard(self) -> None:
        """Free everything that locating the resource opened."""
        try:
            self.candidate.discard()
        except Exception:
            _log.exception("The function discard of a located resource has failed.")


@dataclass(slots=True, eq=False)
class Transition:
    """A resource that is being opened or released, and the requests that wait for the end of it."""

    name: str
    """Session name; no other session may take it meanwhile."""
    principal: str
    """Identity of the opener of the session."""
    waiting: list[PendingOpen] = field(default_factory=list)
    stuck: bool = False
    """The release hook has not returned in time."""

    def take_waiting(self) -> list[PendingOpen]:
        """Return the requests that wait, and forget them."""
        taken, self.waiting = self.waiting, []
        return taken

    def withdraw(self, pending: PendingOpen) -> bool:
        """Remove a request that waits here; return whether it waited."""
        if pending not in self.waiting:
            return False
        self.waiting.remove(pending)
        return True


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

    def settle(self, session: Session) -> None:
        """Replace a transition by the session that was opened."""
        self._slots[session.key] = session

    def move(self, session: Session, key: Hashable) -> None:
        """Give an open session a new key; its last key before still finds it, too."""
        self._forget_former(session.key)
        del self._slots[session.key]
        self._former[session.key] = key
        self._keys[session.name] = session.key = key
        self._slots[key] = session

    def vacate(self, session: Session, first: PendingOpen | None, why: str) -> Transition:
        """Replace a session by the transition in which its resource is released."""
        session.open = False
        for attachment in list(session.attachments.values()):
            self.drop(attachment, why)
        self.forget_orphan(session)
        principal = session.request.principal
        transition = Transition(session.name, principal, [first] if first else [])
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
