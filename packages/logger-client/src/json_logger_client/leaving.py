"""Send the remaining records when the process ends without closing its logs."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from session_sharing import SessionSharingError

if TYPE_CHECKING:
    from json_logger_client.sender import Sender

_log = logging.getLogger(__name__)
_senders: list[weakref.ref[Sender]] = []  # the callbacks of a WeakSet would lose a Ctrl-C
_children_hooked = 0
"""Process id for which `multiprocessing` will call `_send_remaining`."""


def remember(sender: Sender) -> None:
    """Send the remaining records of a sender when this process ends."""
    _senders[:] = [known for known in _senders if known() is not None]
    _senders.append(weakref.ref(sender))
    _hook_multiprocessing()


def at_end_of_child(work: Callable[[], object]) -> bool:
    """Call a function at the end of this process, if `multiprocessing` may have started it.

    Before Python 3.14, such a process ends without the functions that `atexit` knows.

    Returns:
        Whether `multiprocessing` will call the function.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, work, exitpriority=100)
    return util is not None


def _send_remaining() -> None:
    """Flush every sender within its connection's grace, or report how many records were lost."""
    for known in list(_senders):
        sender = known()
        if sender is None or sender.is_empty or sender.closed or not sender.is_here:
            continue  # the close of a closed sender has already reported its remaining records
        try:
            sender.flush(sender.grace)
        except SessionSharingError as error:
            _log.warning(
                "The process ended before %s of %s could be written: %s",
                sender.remaining,
                sender.resource,
                error,
            )


def _hook_multiprocessing() -> None:
    """Do the same at the end of a child process of `multiprocessing`."""
    global _children_hooked
    if _children_hooked != os.getpid() and at_end_of_child(_send_remaining):
        _children_hooked = os.getpid()


atexit.register(_send_remaining)
