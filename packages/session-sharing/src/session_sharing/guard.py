"""Lock a path for a process, for as long as the process lives."""

from __future__ import annotations

import os
from pathlib import Path

import filelock

from session_sharing.core.errors import InvalidArgumentError, ResourceInUseError


class Guard:
    """A lock file beside a path; the system releases the lock when its process dies."""

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
            InvalidArgumentError: The lock file cannot be made.
        """
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            raise ResourceInUseError(refusal) from error
        except OSError as error:
            path = self._lock.lock_file
            raise InvalidArgumentError(
                f"{path} cannot be locked: {error.strerror}. Name another place."
            ) from error

    def release(self) -> None:
        """Release the lock and remove its file."""
        file = Path(self._lock.lock_file)
        if os.name != "nt" and self.held:
            # Remove it before the release: after that, another process could have locked it.
            file.unlink(missing_ok=True)
        self._lock.release()
        if os.name == "nt":
            try:
                file.unlink(missing_ok=True)
            except PermissionError:
                return  # the next owner of the lock has the file open already
