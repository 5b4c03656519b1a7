"""Marks something as taken by a living process."""

from __future__ import annotations

import os
from pathlib import Path

import filelock

from session_sharing.core.errors import InvalidArgumentError, ResourceInUseError


class Guard:
    """A lock file beside a path; the system drops the lock when its process dies."""

    def __init__(self, path: Path) -> None:
        self._lock = filelock.FileLock(f"{path}.lock", mode=0o600)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_locked

    def acquire(self, refusal: str) -> None:
        """Take the lock at once.

        Raises:
            ResourceInUseError: Another process holds it; the message is `refusal`.
            InvalidArgumentError: There can be no lock file.
        """
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            raise ResourceInUseError(refusal) from error
        except OSError as error:
            path = self._lock.lock_file
            raise InvalidArgumentError(f"{path} cannot be locked: {error.strerror}.") from error

    def release(self) -> None:
        """Let go and leave no file behind."""
        file = Path(self._lock.lock_file)
        if os.name != "nt" and self.held:
            # While the lock is held, so that nobody can hold a lock on a file without a name.
            file.unlink(missing_ok=True)
        self._lock.release()
        if os.name == "nt":
            try:
                file.unlink(missing_ok=True)
            except PermissionError:
                return  # the next holder has it open already
