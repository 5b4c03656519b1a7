"""Pauses between tries."""

from __future__ import annotations

import random

_SHORTEST, _LONGEST = 0.02, 0.5


class Backoff:
    """Doubles the pause from try to try, with a random part that spreads a crowd of clients."""

    def __init__(self) -> None:
        self._pause = _SHORTEST

    def next_pause(self) -> float:
        """Seconds to wait before the next try."""
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._pause = min(self._pause * 2, _LONGEST)
        return pause

    def slow_down(self) -> None:
        """Make the next pause a long one, when it is known that a success is not near."""
        self._pause = _LONGEST

    def reset(self) -> None:
        """Begin with short pauses again, after a success."""
        self._pause = _SHORTEST
