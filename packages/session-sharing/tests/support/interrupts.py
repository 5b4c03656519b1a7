"""Interrupt the main thread of this process at a given moment.

POSIX has a timer that sends a signal. Windows has none: there, a thread announces a signal to the
interpreter, as Python itself does when Windows reports Ctrl-C.
"""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time

if sys.platform == "win32":
    INTERRUPT = signal.SIGBREAK
    """The signal by which `interrupt_after` interrupts; set a handler for it."""

    _lock = threading.Lock()
    _cancelled = threading.Event()

    def interrupt_after(seconds: float) -> None:
        """Interrupt the main thread once, after some seconds."""
        global _cancelled
        _cancelled = threading.Event()
        _thread.start_new_thread(_interrupt_at, (time.perf_counter() + seconds, _cancelled))

    def interrupt_no_more() -> None:
        """Cancel the interrupt that has not come yet."""
        with _lock:
            _cancelled.set()

    def press_ctrl_c(process: subprocess.Popen[str]) -> None:
        """Interrupt a process that calls `listen_for_ctrl_c`."""
        assert process.stdin is not None
        process.stdin.write("Ctrl-C\n")
        process.stdin.flush()

    def listen_for_ctrl_c() -> None:
        """Interrupt this process as Ctrl-C does, for each line of its standard input.

        Windows sends Ctrl-C to all processes of a console, and a test has none of its own.
        """

        def listen() -> None:
            for _ in sys.stdin:
                _thread.interrupt_main(signal.SIGINT)

        threading.Thread(target=listen, daemon=True).start()

    def _interrupt_at(moment: float, cancelled: threading.Event) -> None:
        while time.perf_counter() < moment and not cancelled.is_set():
            time.sleep(0)  # a longer sleep of Windows lasts 16 ms
        with _lock:
            if not cancelled.is_set():
                _thread.interrupt_main(INTERRUPT)

else:
    INTERRUPT = signal.SIGALRM
    """The signal by which `interrupt_after` interrupts; set a handler for it."""

    def interrupt_after(seconds: float) -> None:
        """Interrupt the main thread once, after some seconds."""
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def interrupt_no_more() -> None:
        """Cancel the interrupt that has not come yet."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def press_ctrl_c(process: subprocess.Popen[str]) -> None:
        """Interrupt a process that calls `listen_for_ctrl_c`."""
        process.send_signal(signal.SIGINT)

    def listen_for_ctrl_c() -> None:
        """Do nothing: the system delivers a signal to one process."""
