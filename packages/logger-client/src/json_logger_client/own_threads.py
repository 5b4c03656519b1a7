"""Find out whether the running thread itself sends records, so that it must not wait for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType

import grpc


class OwnThreads:
    """The background threads of one sender.

    A `__del__`, or a callback of a weak reference, runs in the thread that drops the last
    reference. So it can log in one of these threads.

    Thread objects are compared, not thread ids, because the system uses the id of an ended thread
    again.
    """

    def __init__(self) -> None:
        self._by_role: dict[str, threading.Thread] = {}

    def enter(self, role: str) -> None:
        """Note that the running thread has this role in the sending."""
        self._by_role[role] = threading.current_thread()

    def leave(self, role: str) -> None:
        """Note that no thread has this role."""
        self._by_role.pop(role, None)

    def include_this_one(self, channel: grpc.Channel) -> bool:
        """Return whether the running thread takes part in the sending over a channel."""
        if threading.current_thread() in self._by_role.values():
            return True
        own_state = getattr(channel, "_call_state", None)
        for frame in _stack():
            if frame.f_code.co_name == "channel_spin" and "state" in frame.f_locals:
                # This is gRPC's thread that receives the answers of a channel.
                return own_state is None or frame.f_locals["state"] is own_state
        return False


def calls_of(code: CodeType) -> int:
    """Return how often a function with this code is on the stack of the running thread."""
    return sum(frame.f_code is code for frame in _stack())


def _stack() -> Iterator[FrameType]:
    """Yield the frames of the running thread, the innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
