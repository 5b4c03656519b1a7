"""How identities share what there is only so much of, so that nobody takes it all."""

from __future__ import annotations

from session_sharing.core.errors import LimitExceededError


class Shares:
    """Counts what each identity holds of a limited number of things. Not thread-safe.

    Where several identities share, each may hold as many as it leaves free: half of all when it is
    alone, and less when others are there. So the next identity finds room.
    """

    def __init__(self, what: str, most: int, *, fair: bool, limit: str = "") -> None:
        """Start with nothing held.

        Args:
            what: What is counted, in the plural, for people.
            most: How many there are.
            fair: Leave room for other identities; otherwise whoever comes first may hold all.
            limit: The same as `what` for programs, where that is another word.
        """
        self._what = what
        self._limit = limit or what
        self._most = most
        self._fair = fair
        self._held: dict[str, int] = {}
        self.total = 0
        """How many all hold together."""

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._most - self.total

    def held_by(self, principal: str) -> int:
        """Tell how many an identity holds."""
        return self._held.get(principal, 0)

    def has_room(self, principal: str, count: int = 1) -> bool:
        """Tell whether an identity may hold so many more."""
        free = self._most - self.total
        mine = self._held.get(principal, 0) if self._fair else 0
        return mine + count <= free

    def check_room(self, principal: str, count: int = 1) -> None:
        """Refuse an identity that may not hold so many more.

        Raises:
            LimitExceededError: All are held, or the identity holds its share.
        """
        if self.has_room(principal, count):
            return
        if count <= self.free:
            why = f"{self.held_by(principal)} {self._what} are the share of {principal!r}"
        else:
            why = f"All {self._most} {self._what} are taken"
        raise LimitExceededError(f"{why}; end some, or try again later.", limit=self._limit)

    def take(self, principal: str, count: int = 1) -> None:
        """Count so many more."""
        self._held[principal] = self._held.get(principal, 0) + count
        self.total += count

    def give_back(self, principal: str, count: int = 1) -> None:
        """Count so many less."""
        self.total -= count
        left = self._held[principal] - count
        if left:
            self._held[principal] = left
        else:
            del self._held[principal]
