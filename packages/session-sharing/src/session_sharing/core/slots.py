"""Where every resource stands: free (no slot), between two states, or open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from session_sharing.core.errors import NameInUseError
from session_sharing.core.sessions import Attachment, PendingOpen, Session, Transition
from session_sharing.core.shares import Shares

_REMEMBERED_ENDS = 10_000
"""Latest attachments of which it is known why they ended."""


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

    def note_orphan(self, session: Session) -> None:
        """Note that nobody is attached to an open session any more."""
        orphans = self._orphans.setdefault(session.request.principal, {})
        orphans.setdefault(session)

    def note_attended(self, session: Session) -> None:
        """Note that somebody is attached to a session, or that it is over."""
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
