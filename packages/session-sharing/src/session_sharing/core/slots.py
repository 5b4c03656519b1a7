"""Where every resource stands: free (no slot), between two states, or open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from session_sharing.core.errors import NameInUseError
from session_sharing.core.sessions import Attachment, PendingOpen, Session, Transition

_REMEMBERED_ENDS = 10_000
"""Latest attachments of which it is known why they ended."""


class SlotTable:
    """Sessions by resource, by name and by attachment, each found in O(1).

    The registry's lock guards every change; single look-ups need none.
    """

    def __init__(self) -> None:
        self._slots: dict[Hashable, Session | Transition] = {}
        self._keys: dict[str, Hashable] = {}
        self._attachments: dict[str, Attachment] = {}
        self._former: dict[Hashable, Hashable] = {}
        """The present key of a resource, by the one that it had before."""
        self._ends: OrderedDict[str, str] = OrderedDict()
        """Why attachments ended."""

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

    def begin(self, name: str, key: Hashable) -> Transition:
        """Take a free resource, and a name, for a session that is being opened.

        Raises:
            NameInUseError: The name belongs to another resource.
        """
        if name in self._keys:
            raise NameInUseError(f"The session name {name!r} belongs to another resource.")
        transition = self._slots[key] = Transition(name)
        self._keys[name] = key
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
        transition = Transition(session.name, [first] if first else [])
        self._slots[session.key] = transition
        return transition

    def leave(self, transition: Transition, key: Hashable) -> None:
        """Free a resource and its session name."""
        self._forget_former(key)
        del self._slots[key]
        del self._keys[transition.name]

    def _forget_former(self, key: Hashable) -> None:
        for former in [old for old, new in self._former.items() if new == key]:
            del self._former[former]

    def attach(self, attachment: Attachment) -> None:
        """Enter a new attachment everywhere."""
        self._attachments[attachment.id] = attachment
        attachment.session.attachments[attachment.id] = attachment
        attachment.client.attachments[attachment.id] = attachment

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
