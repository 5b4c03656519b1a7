"""One call of a client, as far as the devices care: whether it is still wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from device_sim.errors import CallCancelledError


class Call(Protocol):
    """What a driver may ask about the call that it serves."""

    def is_active(self) -> bool:
        """Whether the caller is still there."""
        ...

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the call ends, however it does."""
        ...


def check_active(call: Call) -> None:
    """Raise CallCancelledError when the caller has gone."""
    if not call.is_active():
        raise CallCancelledError


def wake_on_end(call: Call, condition: threading.Condition) -> None:
    """Notify `condition` when the call ends, so that a wait for it can end as well."""

    def wake() -> None:
        with condition:
            condition.notify_all()

    call.on_end(wake)
