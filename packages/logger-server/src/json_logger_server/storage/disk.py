"""The system calls that change the files of a log."""

from __future__ import annotations

import os
from typing import Protocol


class Disk(Protocol):
    """The system calls that change a log. Tests replace them, to make a disk fail."""

    def write(self, handle: int, data: memoryview) -> int:
        """Do the same as `os.write`."""
        ...

    def sync(self, handle: int) -> None:
        """Do the same as `os.fdatasync`."""
        ...

    def truncate(self, handle: int, size: int) -> None:
        """Do the same as `os.truncate`."""
        ...


class SystemDisk:
    """The system calls of the real disk."""

    def write(self, handle: int, data: memoryview) -> int:
        """Write the data, or the part that fits; return how many bytes were written."""
        return os.write(handle, data)

    def sync(self, handle: int) -> None:
        """Wait until the data is on the disk. macOS and Windows have no cheaper call than fsync."""
        getattr(os, "fdatasync", os.fsync)(handle)

    def truncate(self, handle: int, size: int) -> None:
        """Shorten the file to `size` bytes."""
        os.truncate(handle, size)


def write_all(disk: Disk, handle: int, data: bytes | memoryview) -> None:
    """Write all data at the present position of a file.

    Raises:
        OSError: The data, or a part of it, cannot be written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(handle, rest) :]
