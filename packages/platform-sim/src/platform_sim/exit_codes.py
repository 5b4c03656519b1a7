"""Describe how a process ended."""

from __future__ import annotations

import signal
from contextlib import suppress


def describe_exit_code(code: int) -> str:
    """Return how a process ended, such as "exit code 3" or "signal SIGKILL".

    Args:
        code: The exit code from `subprocess`, which is negative for a signal.
    """
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
