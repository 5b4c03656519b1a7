"""Choose how much of a log goes into one statement."""

from __future__ import annotations

_SMALLEST, _LARGEST = 64 * 1024, 8 * 1024 * 1024
_QUICK, _SLOW = 0.25, 1.0
"""Seconds. A quicker statement may be larger next time, a slower one must be smaller."""


class Pace:
    """Adapts the size of blocks to the speed of the store."""

    def __init__(self) -> None:
        self.bytes = 4 * _SMALLEST
        """Bytes of lines in the next block."""

    def note(self, seconds: float, size: int) -> None:
        """Note how long a block of `size` bytes took."""
        if seconds > _SLOW:
            self.bytes = max(_SMALLEST, self.bytes // 2)
        elif seconds < _QUICK and size > self.bytes // 2:
            self.bytes = min(_LARGEST, self.bytes * 2)
