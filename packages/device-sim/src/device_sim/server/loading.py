"""Import a driver while other threads serve calls."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_INTERVAL = 0.0005
"""Seconds after which an import lets other threads run. Python's own 5 ms delay calls too long."""

_lock = threading.Lock()
_before: list[float] = []
"""Python's interval before each of the imports that run now."""


@contextmanager
def giving_way() -> Iterator[None]:
    """Let other threads run more often than usual."""
    with _lock:
        _before.append(sys.getswitchinterval())
        sys.setswitchinterval(min(_INTERVAL, _before[0]))
    try:
        yield
    finally:
        with _lock:
            last = _before.pop()
            if not _before:
                sys.setswitchinterval(last)
