"""How many streams each identity may have open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from session_sharing.core.errors import LimitExceededError


class StreamQuota:
    """Counts the open streams of one host. A stream costs the server some 40 kB while it lasts."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, principal: str) -> Iterator[None]:
        """Count a stream for as long as it is served.

        Raises:
            LimitExceededError: The identity has too many.
        """
        if self._open[principal] >= self._most:
            raise LimitExceededError(
                f"{self._most} streams of {principal!r} are open, which is the limit.",
                limit="streams",
            )
        self._open[principal] += 1
        try:
            yield
        finally:
            self._open[principal] -= 1
