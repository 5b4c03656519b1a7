"""One call of a client. Devices only ask whether the client still waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from device_sim.errors import CallCancelledError


class Call(Protocol):
    """The call that a driver serves."""

    def is_active(self) -> bool:
        """Return whether the caller still waits."""
        ...

    def on_end(self, callback: Callable[[], None]) -> None:
        """Register a function to call when the call ends, for any reason."""
        ...

    def acknowledge(self) -> None:
        """Tell the caller of a stream that it is there, before its first answer."""
        ...

    def trail(self, name: str, value: str) -> None:
        """Add to the facts that the caller gets after the answer or error."""
        ...


def check_active(call: Call) -> None:
    """Raise CallCancelledError if the caller does not wait any more."""
    if not call.is_active():
        raise CallCancelledError


def wake_on_end(call: Call, condition: threading.Condition) -> None:
    """Notify `condition` when the call ends, so that a wait for it can end, too."""

    def wake() -> None:
        with condition:
            condition.notify_all()

    call.on_end(wake)
