"""Raise the system's errors about files as errors of session sharing."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator
from pathlib import Path

from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NotAResourceError,
    NotPermittedError,
    ResourceLostError,
    ResourceNotFoundError,
    SessionSharingError,
    StorageFullError,
)


@contextlib.contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Raise the system's errors about a file as errors of session sharing."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, path) from error


def from_os_error(error: OSError, path: Path) -> SessionSharingError:
    """Return the error of session sharing that a system error about a file means."""
    if error.errno == errno.EACCES and sys.platform == "win32" and path.is_dir():
        return NotAResourceError(f"{path} is a folder.")
    why = f"{path}: {error.strerror}"
    kinds: dict[int, SessionSharingError] = {
        errno.ENOENT: ResourceNotFoundError(f"{path} does not exist."),
        errno.EACCES: NotPermittedError(why),
        errno.EPERM: NotPermittedError(why),
        errno.EROFS: NotPermittedError(why),
        errno.ELOOP: NotPermittedError(f"{path} was replaced by a link."),
        errno.ENOTDIR: ResourceNotFoundError(why),
        errno.EINVAL: InvalidArgumentError(why),
        errno.ENAMETOOLONG: InvalidArgumentError(f"The name of {path.name[:40]}… is too long."),
        errno.EISDIR: NotAResourceError(f"{path} is a folder."),
        errno.ENXIO: NotAResourceError(f"{path} is not a plain file."),
        errno.EMFILE: LimitExceededError(
            "The server has no file descriptor left. Close sessions, or raise its limit.",
            limit="files",
        ),
        errno.ENFILE: LimitExceededError(
            "The system has no file descriptor left. Close files, or raise its limit.",
            limit="files",
        ),
        errno.ENOSPC: StorageFullError(f"There is no room left for {path}. Free some space."),
        errno.EDQUOT: StorageFullError(f"The disk quota leaves no room for {path}."),
        errno.EFBIG: StorageFullError(f"{path} has reached the largest allowed size."),
    }
    return kinds.get(error.errno or 0, ResourceLostError(why))
