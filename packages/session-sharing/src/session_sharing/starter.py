"""Notices when the program that started this one goes away, as discovery services do.

They keep a pipe open to the standard input of what they start; closing it asks for a clean end, and
their death closes it, too.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable


def when_starter_goes(stop: Callable[[], None]) -> None:
    """Call `stop`, in a thread of its own, when the starter closes standard input.

    Nothing is done where standard input tells nothing: for a terminal, a file, /dev/null or none.
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
        pass  # a starter that died can break a socket instead of ending it
    stop()
