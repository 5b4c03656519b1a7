"""Rotate an open log: rename its file, and put an empty file in its place.

At every moment the log's name means a file that this process has locked. The new file is created
and locked under a hidden name. The old file gets its second name by a hard link. Then the new file
is renamed to the log's name. A crash in between leaves the second name, which the next opening
removes.
"""

from __future__ import annotations

import contextlib
import errno
import os

from json_logger_proto.log_format import rotated_path
from session_sharing import (
    NotPermittedError,
    ResourceInUseError,
    ResourceLostError,
    SessionSharingError,
)

from json_logger_server.storage.folder import Folder
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import OPEN_FLAGS, from_os_error, system_errors

_NO_HARD_LINKS = {
    getattr(errno, name, 0) for name in ("EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")
}


class Rotation:
    """One rotation of one log. It is begun, and then either finished or cancelled."""

    def __init__(self, log: LogFile, *, sync: bool) -> None:
        """Create and lock the file that will replace the log's file.

        Args:
            log: The open file, which has a numbered record.
            sync: Write the names to the disk before records rely on them.

        Raises:
            SessionSharingError: The file cannot be created; nothing has changed.
        """
        if os.name == "nt":
            raise NotPermittedError(
                f"{log.path} cannot be rotated while it is open, because Windows does not rename "
                "open files. Close the log, and rename its file."
            )
        self._log = log
        self._sync = sync
        self._hidden = f".{log.path.name}.next"
        self.rotated = rotated_path(log.path, log.find_first_seq())
        """The future path of the log's present file."""
        self.next = self._make_next()
        """The file that will replace the log's file."""

    def finish(self, next_seq: int) -> None:
        """Put the new file in the place of the old one, which stays open under its new name.

        Args:
            next_seq: Number of the first record of the new file.

        Raises:
            ResourceInUseError: A file with the name of the rotated file exists already.
            NotPermittedError: The file system has no hard links, or the folder cannot be written.
            ResourceLostError: Another program replaced the log.
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
        """Write the names of both files to the disk, if `sync` was chosen.

        Raises:
            ResourceLostError: The system reports an error, so that the names on the disk are
                unknown.
        """
        if not self._sync:
            return
        try:
            self.next.sync_folder()
        except OSError as error:
            raise ResourceLostError(
                f"The system cannot write the folder of {self._log.path} to the disk: "
                f"{error.strerror}. Check the disk, and open the log again."
            ) from error

    def cancel(self) -> None:
        """Remove the new file. The log is as before."""
        self.next.close()
        with contextlib.suppress(OSError), Folder(self._log.path.parent) as folder:
            folder.remove(self._hidden)

    def _make_next(self) -> LogFile:
        log = self._log
        with system_errors(log.path), Folder(log.path.parent) as folder:
            folder.check_holds(log.path.name, log.identity)
            folder.remove(self._hidden)  # a crash left it, because this process has the log's lock
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
                f"{self.rotated} exists already; move it to another place, and rotate again."
            ) from error
        except OSError as error:
            if error.errno in _NO_HARD_LINKS:
                raise NotPermittedError(
                    f"{self._log.path} cannot be rotated, because its file system has no hard "
                    "links. Close the log, and rename its file."
                ) from error
            raise from_os_error(error, self.rotated) from error
