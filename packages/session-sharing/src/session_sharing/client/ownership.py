"""Which process a client belongs to: a forked child process may not use its parent's."""

from __future__ import annotations

import os

from session_sharing.client.errors import InheritedClientError


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
