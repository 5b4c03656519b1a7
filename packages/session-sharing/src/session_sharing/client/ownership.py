"""Which process a client belongs to: a forked child process may not use or end its parent's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from session_sharing.client.errors import InheritedClientError
from session_sharing.core.errors import SessionSharingError

_log = logging.getLogger(__name__)


class Owner:
    """The process that made an object, which is the only one that may use it.

    A forked child process has a copy of the object, but none of the threads that serve it. Its
    calls would carry numbers that the parent process uses, too.
    """

    __slots__ = ("_pid", "_what")

    def __init__(self, what: str) -> None:
        """Remember this process.

        Args:
            what: Name of the object in errors.
        """
        self._what = what
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this process is the owner."""
        return os.getpid() == self._pid

    def leave(
        self, end: Callable[[], None], inside: BaseException | None, failed: Callable[[], str]
    ) -> None:
        """End the object as its `with` block ends; in a forked child process this does nothing.

        Args:
            end: Ends the object.
            inside: What the block raised. It comes first: an error of `end` is only logged then.
            failed: Says what has not been done, for the log.

        Raises:
            SessionSharingError: What `end` raised, after a block that raised nothing.
        """
        if not self.is_here:
            return
        try:
            end()
        except SessionSharingError as error:
            if inside is None:
                raise
            _log.warning("%s: %s", failed(), error)

    def check(self) -> None:
        """Refuse to serve another process.

        Raises:
            InheritedClientError: This process is a fork of the owner.
        """
        pid = os.getpid()
        if pid != self._pid:
            raise InheritedClientError(
                f"{self._what} belongs to process {self._pid}; process {pid} is a fork of it. "
                "Open one of your own in the child process."
            )
