"""Know when a thread waits, and share the processor between threads."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

_Part = TypeVar("_Part")

_let_others_run: Callable[[], None] = getattr(os, "sched_yield", partial(time.sleep, 0))


def in_turns(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Yield the parts of long work. Between them, threads run that wait for this processor.

    Otherwise, on a machine whose processors are all busy, the system lets the event loop wait for
    some milliseconds while a thread works.
    """
    for number, part in enumerate(parts):
        if number:
            _let_others_run()
        yield part


def times_waited() -> int | None:
    """Return how often this thread has waited so far, as for a disk; None if nobody counts it.

    A thread that the system stops because others want the processor does not wait.
    """
    if sys.platform != "linux":
        return None
    import resource  # Windows does not have it

    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
