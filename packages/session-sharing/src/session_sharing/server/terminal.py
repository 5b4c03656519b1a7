"""The terminal that a server was started from, if there is one."""

from __future__ import annotations

import os


class Terminal:
    """Tells whether the controlling terminal of this process still exists."""

    def __init__(self) -> None:
        """Look whether there is one now."""
        self._had_one = _can_be_opened()

    def is_gone(self) -> bool:
        """Tell whether there was a terminal and is none any more."""
        return self._had_one and not _can_be_opened()


def _can_be_opened() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True
