"""The resource kind `json-log`: find and open the log file that a client names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Protocol

from json_logger_proto.log_files.rotated import RotatedFile
from session_sharing.file_errors import from_os_error
from session_sharing.opening import identity_of
from session_sharing.server import Candidate, ResourceInUseError, ResourceLostError, Workers

from json_logger_server.json_log import Durability, FileLimits, JsonLog, Totals
from json_logger_server.storage.disk import Disk
from json_logger_server.storage.exclusive import lock_exclusively
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import LogRoots
from json_logger_server.storage.rotated import refuse_rotated

_WRITERS = 4
"""Threads that write to one disk."""


class Follower(Protocol):
    """Copies logs to another place."""

    def follow(self, log: JsonLog) -> None:
        """Copy a log that was opened, until it ends."""

    def has_whole(self, rotated: RotatedFile) -> bool:
        """Return whether every line of a rotated file has a copy."""
        ...


class JsonLogKind:
    """Finds and opens log files in the given folders."""

    def __init__(
        self,
        roots: LogRoots,
        loop: asyncio.AbstractEventLoop,
        durability: Durability = Durability.FLUSHED,
        disk: Disk | None = None,
        limits: FileLimits | None = None,
        follower: Follower | None = None,
    ) -> None:
        self._roots = roots
        self._loop = loop
        self._durability = durability
        self._disk = disk
        self._limits = limits
        self._follower = follower
        # Each disk has its own threads, so that a disk that hangs delays no other.
        self._writers: defaultdict[int, Workers] = defaultdict(
            lambda: Workers(_WRITERS, "log-writer")
        )
        self.totals = Totals()

    def locate(self, name: str, *, create: bool) -> Candidate:
        """Open the file that a name means. Its identity is device and inode, not the name.

        Raises:
            SessionSharingError: The name is refused, or the file cannot be opened.
        """
        path = self._roots.resolve(name)
        refuse_rotated(path)
        handle, created = self._roots.open(path, create=create)
        facts = os.fstat(handle)

        def open_log() -> JsonLog:
            try:
                return self._open(handle, path, created)
            except BaseException:
                if created:
                    _remove_if_empty(path)
                raise

        def discard() -> None:
            is_unused = created and _has_no_writer(handle, path)
            # The lock is held until the file is removed, so that no other server begins to write
            # it. Windows cannot remove an open file; there, another server's open file stays.
            if is_unused and sys.platform != "win32":
                _remove_if_empty(path)
            os.close(handle)
            if is_unused and sys.platform == "win32":
                _remove_if_empty(path)

        return Candidate(key=identity_of(facts), open=open_log, discard=discard)

    def _open(self, handle: int, path: Path, created: bool) -> JsonLog:
        file = LogFile(handle, path, self._disk, new=created)
        if self._durability is Durability.DURABLE:
            # The name of a file that existed before is possibly not on the disk yet.
            try:
                file.sync_folder()
            except OSError as error:
                file.close()
                raise from_os_error(error, path) from error
        writers = self._writers[os.fstat(handle).st_dev]
        may_remove = self._follower.has_whole if self._follower is not None else None
        log = JsonLog(
            file, self._loop, self._durability, writers, self.totals, self._limits, may_remove
        )
        log.remove_old_files()
        if self._follower is not None:
            self._follower.follow(log)
        return log


def _has_no_writer(handle: int, path: Path) -> bool:
    """Return whether no session, of this server or of another, writes the file."""
    try:
        lock_exclusively(handle, path)
    except (ResourceInUseError, ResourceLostError):
        return False
    return True


def _remove_if_empty(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()
