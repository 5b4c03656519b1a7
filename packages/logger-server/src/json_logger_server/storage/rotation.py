"""Rotate an open log: rename its file, and put an empty file in its place.

At every moment the log's name means a file that this process has locked. The new file is created
and locked under a hidden name. The old file, and then that of its waveforms, get their second names
by hard links. Then the new file is renamed to the log's name, and the waveforms lose their old
name. A crash in between leaves names that the next opening removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from json_logger_proto.log_files.rotated import waveforms_of
from json_logger_proto.log_format import rotated_path
from session_sharing import (
    NotPermittedError,
    ResourceInUseError,
    SessionSharingError,
)
from session_sharing.file_errors import from_os_error, system_errors

from json_logger_server.storage.folder import Folder
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.paths import OPEN_FLAGS, not_on_the_disk

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
            names = [(log.path, self.rotated)]
            if log.waveforms.exists(folder):
                names.append((log.waveforms.path, waveforms_of(self.rotated)))
            self._link(folder, names)
            log.renamed(self.rotated)
            try:
                if self._sync:
                    folder.sync()
                folder.replace(self._hidden, log.path.name)
            except OSError:
                log.renamed(log.path)
                _remove(folder, [second for _, second in names])
                raise
            # If this fails, the next waveform does it: the file has two names until then.
            _remove(folder, [first for first, _ in names[1:]])
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
            raise not_on_the_disk(self._log.path.parent, error) from error

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

    def _link(self, folder: Folder, names: Sequence[tuple[Path, Path]]) -> None:
        """Give each file its second name, or none of them."""
        linked: list[Path] = []
        for first, second in names:
            try:
                folder.link(first.name, second.name)
            except OSError as error:
                _remove(folder, reversed(linked))
                raise self._explain(error, second) from error
            linked.append(second)

    def _explain(self, error: OSError, second: Path) -> SessionSharingError:
        if isinstance(error, FileExistsError):
            return ResourceInUseError(
                f"{second} exists already; move it to another place, and rotate again."
            )
        if error.errno in _NO_HARD_LINKS:
            return NotPermittedError(
                f"{self._log.path} cannot be rotated, because its file system has no hard "
                "links. Close the log, and rename its file."
            )
        return from_os_error(error, second)


def _remove(folder: Folder, paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            folder.remove(path.name)
