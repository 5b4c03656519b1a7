"""Notice when the program that started this one, such as a discovery service, ends.

A discovery service holds a pipe to the standard input of each program that it starts. It closes the
pipe to ask for a clean end. When the service dies, the system closes the pipe.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable


def when_starter_goes(stop: Callable[[], None]) -> None:
    """Call `stop`, in a background thread, when the starter closes standard input.

    Nothing happens if standard input is not a pipe or a socket but a terminal, a file or /dev/null.
    """
    if _starter_holds_stdin():
        threading.Thread(target=_wait_for_end, args=(stop,), name="starter", daemon=True).start()


def _starter_holds_stdin() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _wait_for_end(stop: Callable[[], None]) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # when the starter dies, a socket can break instead of ending
    stop()
