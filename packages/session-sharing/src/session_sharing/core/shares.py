"""How identities share what there is only so much of, so that nobody takes it all."""

from __future__ import annotations

from collections import Counter

from session_sharing.core.errors import LimitExceededError


class Shares:
    """Counts what each identity holds of a limited number of things. Not thread-safe.

    Where several identities share, each may hold as many as it leaves free: half of all when it is
    alone, and less when others are there. So the next identity finds room.
    """

    def __init__(self, what: str, most: int, *, fair: bool) -> None:
        """Start with nothing held.

        Args:
            what: What is counted, in the plural; for the message and as the error's `limit`.
            most: How many there are.
            fair: Leave room for other identities; otherwise whoever comes first may hold all.
        """
        self._what = what
        self._most = most
        self._fair = fair
        self._held: Counter[str] = Counter()
        self._total = 0

    @property
    def free(self) -> int:
        """How many nobody holds."""
        return self._most - self._total

    def held_by(self, principal: str) -> int:
        """Tell how many an identity holds."""
        return self._held[principal]

    def has_room(self, principal: str) -> bool:
        """Tell whether an identity may hold one more."""
        return self.free > 0 and (not self._fair or self._held[principal] < self.free)

    def check_room(self, principal: str) -> None:
        """Refuse an identity that may not hold one more.

        Raises:
            LimitExceededError: All are held, or the identity holds its share.
        """
        if self.has_room(principal):
            return
        if self.free > 0:
            why = f"{self._held[principal]} {self._what} of {principal!r} are open, its share"
        else:
            why = f"{self._most} {self._what} are open"
        raise LimitExceededError(f"{why}, which is the limit; end some.", limit=self._what)

    def take(self, principal: str) -> None:
        """Count one more."""
        self._held[principal] += 1
        self._total += 1

    def give_back(self, principal: str) -> None:
        """Count one less."""
        self._total -= 1
        self._held[principal] -= 1
        if not self._held[principal]:
            del self._held[principal]
