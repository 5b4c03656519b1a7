"""Choose the pauses between tries."""

from __future__ import annotations

import random

_SHORTEST, _LONGEST = 0.02, 0.5


class Backoff:
    """Doubles the pause from try to try; a random part spreads the tries of many clients."""

    def __init__(self) -> None:
        self._pause = _SHORTEST

    def next_pause(self) -> float:
        """Return the seconds to wait before the next try."""
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._pause = min(self._pause * 2, _LONGEST)
        return pause

    def slow_down(self) -> None:
        """Make the next pause long; for a caller that knows that the next try will fail."""
        self._pause = _LONGEST

    def reset(self) -> None:
        """Start with short pauses again, after a success."""
        self._pause = _SHORTEST
