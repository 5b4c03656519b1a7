"""Tells whether a thread can wait for the sending, or is itself needed for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType

import grpc


class OwnThreads:
    """The background threads of one sender.

    A `__del__`, or a callback of a weak reference, runs in whatever thread drops the last
    reference, so that it may log in one of these threads.

    Thread objects are compared, not numbers: the system gives the number of a thread that has ended
    to the next one.
    """

    def __init__(self) -> None:
        self._by_role: dict[str, threading.Thread] = {}

    def enter(self, role: str) -> None:
        """Note that this thread has a role in the sending."""
        self._by_role[role] = threading.current_thread()

    def leave(self, role: str) -> None:
        """Note that no thread has the role."""
        self._by_role.pop(role, None)

    def include_this_one(self, channel: grpc.Channel) -> bool:
        """Tell whether this thread takes part in the sending over a channel."""
        if threading.current_thread() in self._by_role.values():
            return True
        own_state = getattr(channel, "_call_state", None)
        for frame in _stack():
            if frame.f_code.co_name == "channel_spin" and "state" in frame.f_locals:
                # gRPC's thread that brings a channel's answers.
                return own_state is None or frame.f_locals["state"] is own_state
        return False


def calls_of(code: CodeType) -> int:
    """Count how often this thread is in a function with this code."""
    return sum(frame.f_code is code for frame in _stack())


def _stack() -> Iterator[FrameType]:
    """Yield this thread's frames, the innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]  # None ends it
