"""Refuse a forked child process that uses or ends an object of its parent process."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from session_sharing.client.errors import InheritedClientError
from session_sharing.core.errors import SessionSharingError

_log = logging.getLogger(__name__)


class Owner:
    """The process that made an object, which is the only one that may use it.

    A forked child process has a copy of the object, but not the threads that work for it. Its calls
    would carry numbers that the parent process uses, too.
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
            inside: The error that the block raised, if any. It is more important: then an error of
                `end` is only logged.
            failed: Returns a text for the log that says what failed.

        Raises:
            SessionSharingError: The error of `end`, if the block raised none.
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
        """Refuse another process than the owner.

        Raises:
            InheritedClientError: This process is a fork of the owner.
        """
        pid = os.getpid()
        if pid != self._pid:
            raise InheritedClientError(
                f"{self._what} belongs to the parent process {self._pid}. The forked process {pid} "
                "cannot use it. Open a new one in the child process."
            )
