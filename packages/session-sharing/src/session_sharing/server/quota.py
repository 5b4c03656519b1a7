"""How many streams may be open, and who has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from session_sharing.core.shares import Shares


class StreamQuota:
    """Counts the open streams of one host. A stream costs the server some 40 kB while it lasts."""

    def __init__(self, most: int, *, fair: bool) -> None:
        """Allow so many; `fair` keeps some free for identities that have none."""
        self._shares = Shares("streams", most, fair=fair)

    @contextmanager
    def one_more(self, principal: str) -> Iterator[None]:
        """Count a stream for as long as it is served.

        Raises:
            LimitExceededError: There are too many, or the identity has its share.
        """
        self._shares.check_room(principal)
        self._shares.take(principal)
        try:
            yield
        finally:
            self._shares.give_back(principal)
