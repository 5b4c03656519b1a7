"""File descriptors: how many there are, and how many sessions that allows."""

from __future__ import annotations

import sys

_KEPT_FREE = 256
"""For connections, sockets and everything that is not a session."""


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as the system lets it.

    Returns:
        How many that is.
    """
    if sys.platform == "win32":
        return 8192  # what the C runtime allows at most
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft  # macOS names a hard limit that it does not grant
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def sessions_for(descriptors: int, wanted: int) -> int:
    """Tell how many sessions that hold a descriptor each fit, `wanted` at the most."""
    return max(1, min(wanted, descriptors - _KEPT_FREE))
