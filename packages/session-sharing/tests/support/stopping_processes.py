"""Ask processes to stop, in each way that the system has: a signal, Ctrl-C, a named event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from session_sharing.stop_event import ask_to_stop

OWN_CONSOLE: dict[str, Any] = (
    {"creationflags": subprocess.CREATE_NO_WINDOW} if sys.platform == "win32" else {}
)
"""Options of Popen with which `press_ctrl_c` reaches a process, and only that one, on Windows."""

_PRESS = """
import ctypes, sys
system = ctypes.WinDLL("kernel32")
system.FreeConsole()
if not system.AttachConsole(int(sys.argv[1])):
    sys.exit("the process has no console; start it with OWN_CONSOLE")
system.SetConsoleCtrlHandler(None, True)
sys.exit(not system.GenerateConsoleCtrlEvent(0, 0))
"""


def press_ctrl_c(pid: int) -> None:
    """Press Ctrl-C in the console of a process, which on Windows must be its own."""
    if sys.platform == "win32":
        subprocess.run([sys.executable, "-c", _PRESS, str(pid)], check=True)
    else:
        os.kill(pid, signal.SIGINT)


def stop_process(pid: int, number: signal.Signals) -> None:
    """Send SIGINT or SIGTERM to a process; on Windows, press Ctrl-C or set its stop event."""
    if number == signal.SIGINT:
        press_ctrl_c(pid)
    else:
        assert ask_to_stop(pid)
