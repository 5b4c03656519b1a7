"""What is left to send when the process ends without closing its logs."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import weakref
from typing import TYPE_CHECKING

from session_sharing import SessionSharingError

if TYPE_CHECKING:
    from json_logger_client.sender import Sender

_log = logging.getLogger(__name__)
_senders: list[weakref.ref[Sender]] = []  # a WeakSet's callbacks would swallow a Ctrl-C
_children_hooked = 0
"""The process whose end as a `multiprocessing` child is taken care of."""


def remember(sender: Sender) -> None:
    """Send what a sender has left when this process ends."""
    _senders[:] = [known for known in _senders if known() is not None]
    _senders.append(weakref.ref(sender))
    _hook_multiprocessing()


def _send_what_is_left() -> None:
    """Flush every sender within its connection's grace, or say how much was lost."""
    for known in list(_senders):
        sender = known()
        if sender is None or sender.is_empty or sender.closed or not sender.is_here:
            continue  # what a closed one has left was reported by closing
        try:
            sender.flush(sender.grace)
        except SessionSharingError as error:
            _log.warning(
                "The process ended before %s of %s could be written: %s",
                sender.what_is_left,
                sender.resource,
                error,
            )


def _hook_multiprocessing() -> None:
    """Have it done at the end of a child process of `multiprocessing`, too.

    Before Python 3.14 such a child ends without the functions that `atexit` knows.
    """
    global _children_hooked
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _children_hooked != os.getpid():
        _children_hooked = os.getpid()
        util.Finalize(None, _send_what_is_left, exitpriority=100)


atexit.register(_send_what_is_left)
