"""Lock a log file against other servers, but not against readers."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from session_sharing import ResourceInUseError, ResourceLostError

_FAR_BEYOND_THE_END = 1 << 62
_HELD_BY_ANOTHER = [errno.EACCES, errno.EAGAIN, errno.EDEADLK]
if sys.platform == "win32":
    _HELD_BY_ANOTHER.append(0)  # Wine's C library does not say why it cannot lock


def lock_exclusively(handle: int, path: Path) -> None:
    """Lock an open file until it is closed or its process ends.

    Raises:
        ResourceInUseError: Another process has locked it. The message names the process, if the
            system knows it.
        ResourceLostError: The system cannot lock the file.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            # Windows refuses reads of locked bytes, so lock a byte where there will never be data.
            os.lseek(handle, _FAR_BEYOND_THE_END, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            raise ResourceInUseError(
                f"{path} is already open for writing in {_holder(handle)}. Close it there first, "
                "or use the server that writes it."
            ) from error
        why = f"{path} cannot be locked: {error.strerror}. Put the log on another disk."
        raise ResourceLostError(why) from error


def _holder(handle: int) -> str:
    """Return the process that has locked a file, as Linux lists it in /proc/locks."""
    if sys.platform != "linux":
        return "another process"
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
