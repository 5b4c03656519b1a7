"""Ask a process to stop: by SIGTERM, and on Windows by an event named after its process id.

Windows has no SIGTERM, and delivers Ctrl-C and Ctrl-Break only between processes that share a
console. A server that was started in the background has none.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _log = logging.getLogger(__name__)

    _ERROR_ALREADY_EXISTS = 183
    _EVENT_MODIFY_STATE = 2
    _INFINITE = 0xFFFFFFFF

    _system = ctypes.WinDLL("kernel32", use_last_error=True)
    _system.CreateEventW.argtypes = [
        wintypes.LPVOID,
        wintypes.BOOL,
        wintypes.BOOL,
        wintypes.LPCWSTR,
    ]
    _system.CreateEventW.restype = wintypes.HANDLE
    _system.OpenEventW.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR]
    _system.OpenEventW.restype = wintypes.HANDLE
    _system.SetEvent.argtypes = [wintypes.HANDLE]
    _system.WaitForSingleObject.argtypes = [wintypes.HANDLE, wintypes.DWORD]
    _system.CloseHandle.argtypes = [wintypes.HANDLE]

    def ask_to_stop(pid: int) -> bool:
        """Ask a process to stop cleanly, and return at once.

        Returns:
            False when there is no such process, or when it cannot be asked.
        """
        event = _system.OpenEventW(_EVENT_MODIFY_STATE, False, _name(pid))
        if not event:
            return False
        try:
            return bool(_system.SetEvent(event))
        finally:
            _system.CloseHandle(event)

    @contextlib.contextmanager
    def stop_when_asked(stop: Callable[[], object]) -> Iterator[None]:
        """Call a function, in a thread of its own, when `ask_to_stop` asks this process.

        Only this user can ask: an event of this name that another program has made is not used.
        """
        event = _system.CreateEventW(None, True, False, _name(os.getpid()))
        existed = ctypes.get_last_error() == _ERROR_ALREADY_EXISTS
        if not event or existed:
            if event:
                _system.CloseHandle(event)
            _log.warning("This process cannot be asked to stop; end it by Ctrl-C.")
            yield
            return
        ended = threading.Event()

        def wait() -> None:
            _system.WaitForSingleObject(event, _INFINITE)
            if not ended.is_set():
                stop()

        thread = threading.Thread(target=wait, name="stop-event", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            _system.SetEvent(event)
            thread.join()
            _system.CloseHandle(event)

    def _name(pid: int) -> str:
        return f"Global\\session-sharing-stop-{pid}"

else:

    def ask_to_stop(pid: int) -> bool:
        """Ask a process to stop cleanly, and return at once.

        Returns:
            False when there is no such process.
        """
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return False
        return True

    def stop_when_asked(stop: Callable[[], object]) -> contextlib.AbstractContextManager[None]:
        """Return a context that does nothing: this system asks by SIGTERM, which has a handler."""
        return contextlib.nullcontext()
