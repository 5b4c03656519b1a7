"""Rotates an open log: gives its file a name for good and puts an empty one in its place.

At every moment the log's name means a file that this process has locked: the new file is made and
locked under a hidden name, the old one gets its second name by a hard link, and the new one takes
the first name over. A crash in between leaves a second name, which the next opening takes back.
"""

from __future__ import annotations

import contextlib
import errno
import os

from session_sharing import (
    NotPermittedError,
    ResourceInUseError,
    ResourceLostError,
    SessionSharingError,
)

from json_logger_server.storage.folder import Folder
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import OPEN_FLAGS, from_os_error, system_errors
from json_logger_server.storage.rotated import rotated_path

_NO_HARD_LINKS = {
    getattr(errno, name, 0) for name in ("EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")
}


class Rotation:
    """One rotation of one log: it is begun, and then either finished or given up."""

    def __init__(self, log: LogFile, *, sync: bool) -> None:
        """Begin: make and lock the file that will take the log's place.

        Args:
            log: The open file, which has a numbered record.
            sync: Have the names on the medium before anything relies on them.

        Raises:
            SessionSharingError: The file cannot be made; nothing has changed.
        """
        if os.name == "nt":
            raise NotPermittedError(
                f"{log.path} cannot be rotated while it is open, as Windows does not rename open "
                "files; close it and rename it."
            )
        self._log = log
        self._sync = sync
        self._hidden = f".{log.path.name}.next"
        self.rotated = rotated_path(log.path, log.find_first_seq())
        """What the log's present file will be called."""
        self.next = self._make_next()
        """The file that will take the log's place."""

    def finish(self, next_seq: int) -> None:
        """Put the new file in the log's place; the old one stays open, under its new name.

        Args:
            next_seq: Number of the record that will be the new file's first.

        Raises:
            ResourceInUseError: There is a file of the rotated file's name.
            NotPermittedError: The file system has no hard links, or the folder cannot be written.
            ResourceLostError: Somebody else replaced the log.
            SessionSharingError: Another system error. The log is as before.
        """
        log = self._log
        with system_errors(log.path), Folder(log.path.parent) as folder:
            folder.check_holds(log.path.name, log.identity)
            self._link(folder)
            log.renamed(self.rotated)
            try:
                if self._sync:
                    folder.sync()
                folder.replace(self._hidden, log.path.name)
            except OSError:
                log.renamed(log.path)
                folder.remove(self.rotated.name)
                raise
        self.next.succeed(log, next_seq)

    def sync_names(self) -> None:
        """Have the names of both files on the medium, where that was asked for.

        Raises:
            ResourceLostError: It cannot be done, so that what is on the medium is unknown.
        """
        if not self._sync:
            return
        try:
            self.next.sync_folder()
        except OSError as error:
            raise ResourceLostError(
                f"The folder of {self._log.path} cannot be synced: {error.strerror}"
            ) from error

    def give_up(self) -> None:
        """Remove the new file; the log is as before."""
        self.next.close()
        with contextlib.suppress(OSError), Folder(self._log.path.parent) as folder:
            folder.remove(self._hidden)

    def _make_next(self) -> LogFile:
        log = self._log
        with system_errors(log.path), Folder(log.path.parent) as folder:
            folder.check_holds(log.path.name, log.identity)
            folder.remove(self._hidden)  # left by a crash, as the lock on the log is ours
            handle = folder.create(self._hidden, OPEN_FLAGS, like=log.handle)
            try:
                return LogFile(handle, log.path.with_name(self._hidden), log.disk, new=True)
            except SessionSharingError:
                folder.remove(self._hidden)
                raise

    def _link(self, folder: Folder) -> None:
        try:
            folder.link(self._log.path.name, self.rotated.name)
        except FileExistsError as error:
            raise ResourceInUseError(
                f"{self.rotated} exists already; move it away and rotate again."
            ) from error
        except OSError as error:
            if error.errno in _NO_HARD_LINKS:
                raise NotPermittedError(
                    f"{self._log.path} cannot be rotated: its file system has no hard links."
                ) from error
            raise from_os_error(error, self.rotated) from error
