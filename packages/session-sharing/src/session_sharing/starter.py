"""Notice when the program that started this one, such as a discovery service, ends.

A discovery service holds a pipe to the standard input of each program that it starts. It closes the
pipe to ask for a clean end. When the service dies, the system closes the pipe.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path


def when_starter_goes(stop: Callable[[], None]) -> None:
    """Call `stop`, in a background thread, when the starter closes standard input.

    Nothing happens if standard input is not a pipe or a socket but a terminal, a file or /dev/null.
    Otherwise standard input is empty afterwards.
    """
    if _starter_holds_stdin():
        arguments = (_take_stdin(), stop)
        threading.Thread(target=_wait_for_end, args=arguments, name="starter", daemon=True).start()


def _starter_holds_stdin() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _take_stdin() -> int:
    """Return the file descriptor of the pipe, and give standard input nothing to read.

    On Windows, some libraries look at standard input when Python imports them, for example numpy.
    During a read from the pipe this look would wait for ever (github.com/numpy/numpy/issues/24290).
    """
    pipe = os.dup(0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return pipe


def _wait_for_end(pipe: int, stop: Callable[[], None]) -> None:
    try:
        while os.read(pipe, 4096):
            pass
    except OSError:
        pass  # when the starter dies, a socket can break instead of ending
    stop()
