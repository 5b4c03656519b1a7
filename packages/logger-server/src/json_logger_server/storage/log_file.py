"""One log file that is open for appending: whole groups, or nothing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol

from session_sharing.core.errors import ResourceLostError, SessionSharingError

from json_logger_server.storage.exclusive import lock_exclusively
from json_logger_server.storage.lines import LineNumbers, numbers_in, read_at, start_of_line
from json_logger_server.storage.paths import READ_FLAGS, from_os_error, system_errors
from json_logger_server.storage.repair import LogEnd, inspect_and_repair

RECALL_WINDOW = 64 * 1024 * 1024
"""Bytes at the end in which repeated records are recognised after a restart."""


class Disk(Protocol):
    """The system calls that change a log; the seam at which tests make a disk fail."""

    def write(self, handle: int, data: memoryview) -> int:
        """As `os.write`."""
        ...

    def sync(self, handle: int) -> None:
        """As `os.fdatasync`."""
        ...

    def truncate(self, handle: int, size: int) -> None:
        """As `os.truncate`."""
        ...


class SystemDisk:
    """The real one."""

    def write(self, handle: int, data: memoryview) -> int:
        """Write what fits."""
        return os.write(handle, data)

    def sync(self, handle: int) -> None:
        """Have the data on the medium; macOS and Windows have no cheaper call than fsync."""
        getattr(os, "fdatasync", os.fsync)(handle)

    def truncate(self, handle: int, size: int) -> None:
        """Cut the file."""
        os.truncate(handle, size)


class LogFile:
    """The only writer of one file. Not thread-safe: its committer takes turns.

    Opening locks the file against other servers, checks both ends and mends what a crash left.
    """

    def __init__(self, handle: int, path: Path, disk: Disk | None = None) -> None:
        """Take over an open descriptor; it is closed when this fails.

        Raises:
            SessionSharingError: The file is locked, is not a log, or cannot be mended.
        """
        self.path = path
        self._name = str(path)
        self._handle = handle
        self._disk = disk or SystemDisk()
        try:
            facts = os.fstat(handle)
            self._identity = (facts.st_dev, facts.st_ino)
            lock_exclusively(handle, path)
            self._check_still_there()
            self.end: LogEnd = inspect_and_repair(handle, path)
            os.lseek(handle, self.end.size, os.SEEK_SET)
        except OSError as error:
            os.close(handle)
            raise from_os_error(error, path) from error
        except SessionSharingError:
            os.close(handle)
            raise
        self.size = self.end.size
        """Bytes committed; the file is never longer between two calls."""

    def append(self, data: bytes, *, sync: bool) -> None:
        """Append a group whole; when that fails, the file is as before.

        Args:
            data: Whole lines.
            sync: Return only when they are on the medium.

        Raises:
            StorageFullError: There is no room; try again when there is.
            ResourceLostError: The file was deleted, replaced or changed; or it cannot be synced,
                so that what is on the medium is unknown from now on; or it cannot be cut back.
            SessionSharingError: Another system error.
        """
        if self._check_still_there() != self.size:
            raise ResourceLostError(f"Somebody else changed {self.path} in an open session.")
        view = memoryview(data)
        try:
            while view:
                view = view[self._disk.write(self._handle, view) :]
        except OSError as error:
            self._cut_back()
            raise from_os_error(error, self.path) from error
        try:
            if sync:
                self._disk.sync(self._handle)
        except OSError as error:
            self._cut_back()
            raise ResourceLostError(f"{self.path} cannot be synced: {error.strerror}") from error
        self.size += len(data)

    def open_again(self) -> int:
        """Give a reader a descriptor of its own on the same file, never on another.

        Raises:
            ResourceLostError: The path does not mean the file any more.
            SessionSharingError: Another system error.
        """
        self._check_still_there()
        with system_errors(self.path):
            handle = os.open(self._name, READ_FLAGS)
        facts = os.fstat(handle)
        if (facts.st_dev, facts.st_ino) != self._identity:
            os.close(handle)
            raise self._lost()
        return handle

    def recall(self) -> list[LineNumbers]:
        """Read the numbers of the last 64 MB that were in the file when it was opened.

        Takes up to a second; meant for a client that sends again after a restart.
        """
        try:
            start = max(0, self.end.size - RECALL_WINDOW)
            start = start_of_line(self._handle, start)
            return numbers_in(read_at(self._handle, start, self.end.size - start))
        finally:
            os.lseek(self._handle, self.size, os.SEEK_SET)

    def sync_folder(self) -> None:
        """Have the file's name on the medium, where the system can do that.

        Raises:
            OSError: It cannot be done.
        """
        if os.name == "nt":
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the file, which unlocks it."""
        os.close(self._handle)

    def _check_still_there(self) -> int:
        """Make sure that the path still means the open file; give its size."""
        with contextlib.suppress(OSError):
            found = os.lstat(self._name)
            if (found.st_dev, found.st_ino) == self._identity:
                return found.st_size
        raise self._lost()

    def _lost(self) -> ResourceLostError:
        return ResourceLostError(f"{self.path} was deleted or replaced in an open session.")

    def _cut_back(self) -> None:
        try:
            self._disk.truncate(self._handle, self.size)
            os.lseek(self._handle, self.size, os.SEEK_SET)
        except OSError as error:
            raise ResourceLostError(
                f"{self.path} has an incomplete record and cannot be cut back: {error.strerror}"
            ) from error
