"""Waiting for something to become so."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(what: Callable[[], bool], within: float = 30.0) -> None:
    """Wait until something is so; fail when it is not in time."""
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.005)
