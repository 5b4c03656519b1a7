"""Check whether the terminal from which a server was started still exists."""

from __future__ import annotations

import os


class Terminal:
    """Checks whether the controlling terminal of this process still exists."""

    def __init__(self) -> None:
        """Remember whether there is one now."""
        self._had_one = _can_be_opened()

    def is_gone(self) -> bool:
        """Return whether there was a terminal at the start and there is none now."""
        return self._had_one and not _can_be_opened()


def _can_be_opened() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True
