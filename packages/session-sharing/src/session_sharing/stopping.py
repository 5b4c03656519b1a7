"""Wait for the signals that ask a process to end, in whichever thread they arrive.

The system delivers a signal to any thread of a process. Python runs the handler in the main thread
only, when that thread runs next. A main thread that waits without a limit never runs it, and a
handler that sets an event can block on the lock of that event. So each signal arrives as a byte on
a socket that the main thread reads.

Windows has no SIGTERM: there, `stop_event` asks instead.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType, TracebackType

from session_sharing.stop_event import stop_when_asked

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # not every system has all
_REQUEST = 0
"""A byte that is not the number of a signal."""


class StopSignals:
    """The signals to stop, and requests to stop from other threads. Use it in a `with` block.

    Inside the block, Ctrl-C raises no KeyboardInterrupt. If a signal comes before `wait`, then
    `wait` returns at once. If `nohup` has set SIGHUP to be ignored, it stays ignored.
    """

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._handlers_before = {number: signal.signal(number, _pass) for number in _numbers()}
        self._asked = stop_when_asked(self.request)
        self._asked.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._asked.__exit__(kind, error, traceback)
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._writer.close()
        self._reader.close()

    def wait(self) -> None:
        """Wait for a signal or a request."""
        wanted = {_REQUEST, *self._handlers_before}
        while self._reader.recv(1)[0] not in wanted:  # it was another signal with a handler
            pass

    def request(self) -> None:
        """End the wait, from any thread; after the `with` block this does nothing."""
        with contextlib.suppress(OSError):
            self._writer.send(bytes([_REQUEST]))


def _numbers() -> Iterator[signal.Signals]:
    for name in _NAMES:
        number: signal.Signals | None = getattr(signal, name, None)
        is_nohup = name == "SIGHUP" and number and signal.getsignal(number) is signal.SIG_IGN
        if number is not None and not is_nohup:
            yield number


def _pass(number: int, frame: FrameType | None) -> None:
    """Do nothing; a handler keeps the system from ending the process."""
