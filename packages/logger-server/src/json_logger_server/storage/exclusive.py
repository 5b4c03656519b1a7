"""Keeps other servers off a log file, without readers feeling it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from session_sharing import ResourceInUseError

_FAR_BEYOND_THE_END = 1 << 62


def lock_exclusively(handle: int, path: Path) -> None:
    """Lock an open file until it is closed or its process dies.

    Raises:
        ResourceInUseError: Another process has locked it; the message says which, where the system
            tells.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            # Windows refuses reads of locked bytes, so the lock lies where no data will ever be.
            os.lseek(handle, _FAR_BEYOND_THE_END, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ResourceInUseError(f"{path} is written by {_holder(handle)}.") from error


def _holder(handle: int) -> str:
    """Name the process that holds a file's lock, from what Linux tells in /proc/locks."""
    inode = os.fstat(handle).st_ino
    try:
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            fields = line.split()
            if len(fields) > 5 and fields[5].endswith(f":{inode}"):
                command = Path(f"/proc/{fields[4]}/cmdline").read_bytes()
                words = command.decode(errors="replace").replace("\0", " ").strip()
                return f"process {fields[4]} ({words})"
    except OSError:
        pass
    return "another process"
