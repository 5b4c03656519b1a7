"""Raise the limit of file descriptors, and say how many sessions it allows."""

from __future__ import annotations

import sys

_KEPT_FREE = 256
"""File descriptors for connections, sockets, and everything else that is not a session."""


def raise_descriptor_limit() -> int:
    """Allow this process as many file descriptors as the system grants.

    Returns:
        The number of file descriptors.
    """
    if sys.platform == "win32":
        return 8192  # what the C runtime allows at most
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft  # macOS reports a hard limit that it does not grant
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def sessions_for(descriptors: int, wanted: int) -> int:
    """Return how many sessions fit if each holds a file descriptor; `wanted` at most."""
    return max(1, min(wanted, descriptors - _KEPT_FREE))
