"""Append to one open log file, and its waveforms: a whole group, or nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from json_logger_proto.log_files.lines import (
    LineNumbers,
    first_number,
    numbers_in,
    read_at,
    start_of_line,
)
from json_logger_proto.log_files.rotated import rotated_files
from session_sharing import ResourceLostError, SessionSharingError
from session_sharing.file_errors import from_os_error, system_errors
from session_sharing.opening import READ_FLAGS, identity_of

from json_logger_server.storage.disk import Disk, SystemDisk, write_all
from json_logger_server.storage.exclusive import lock_exclusively
from json_logger_server.storage.folder import Folder
from json_logger_server.storage.paths import not_on_the_disk
from json_logger_server.storage.repair import TAIL_WINDOW, LogEnd, inspect_and_repair
from json_logger_server.storage.rotated import numbers_at_end, undo_unfinished
from json_logger_server.storage.waveform_file import Samples, WaveformFile

RECALL_WINDOW = 64 * 1024 * 1024
"""Bytes at the end of a log in which repeated records are recognised after a restart."""
_HOW_TO_ROTATE = "Rotate an open log only by `json-logger rotate`."


class LogFile:
    """The only writer of one file. Not thread-safe: `JsonLog` makes one call at a time.

    Opening locks the file against other servers, checks both ends, and repairs a torn tail.
    """

    def __init__(
        self, handle: int, path: Path, disk: Disk | None = None, *, new: bool = False
    ) -> None:
        """Take over an open file descriptor, and close it if this fails.

        Args:
            handle: The file descriptor.
            path: The path by which it was opened.
            disk: The system calls that change the file.
            new: The file was just created, so its numbers continue those of no other file.

        Raises:
            SessionSharingError: The file is locked, is not a log, or cannot be repaired.
        """
        self.path = path
        self._name = str(path)
        self.handle = handle
        self.disk = disk or SystemDisk()
        self.first_seq = 0
        """Number of the first record that is in the file, or will be; 0 if it is not known yet."""
        self.successor: LogFile | None = None
        """The file that replaced this one when it was rotated. This one then grows no more."""
        try:
            facts = os.fstat(handle)
            self.identity = identity_of(facts)
            lock_exclusively(handle, path)
            self._check_still_there()
            if facts.st_nlink > 1:
                undo_unfinished(path, self.identity)
            self.end: LogEnd = inspect_and_repair(handle, path)
            if new:
                self.first_seq = 1
            else:
                self._read_earlier_tail()
            os.lseek(handle, self.end.size, os.SEEK_SET)
        except OSError as error:
            os.close(handle)
            raise from_os_error(error, path) from error
        except SessionSharingError:
            os.close(handle)
            raise
        self.size = self.end.size
        """Size of the file in bytes between two calls."""
        self.waveforms = WaveformFile(self)
        """The file beside this one, which has the waveforms."""
        self.waveforms.open_existing(new=new)

    @property
    def total_size(self) -> int:
        """Bytes of the lines and the waveforms."""
        return self.size + self.waveforms.size

    def append(self, data: bytes, waveforms: Sequence[Samples] = (), *, sync: bool) -> None:
        """Append a whole group. If that fails, the files are as before.

        Args:
            data: Whole lines.
            waveforms: The waveforms to which the lines refer, in the order of their places.
            sync: Return only when both are on the disk.

        Raises:
            StorageFullError: There is no room on the disk. A later attempt can succeed.
            ResourceLostError: Another program deleted, replaced or changed the file; or the system
                cannot write it to the disk, so that its content there is unknown from now on; or
                an incomplete record cannot be removed again.
            SessionSharingError: Another system error.
        """
        if self._check_still_there() != self.size:
            raise ResourceLostError(
                f"Another program changed {self.path} while its session was open. {_HOW_TO_ROTATE}"
            )
        if waveforms:
            self.waveforms.write(waveforms, sync=sync)
        try:
            self._append_lines(data, sync)
        except SessionSharingError:
            self.waveforms.cut_back()
            raise
        self.waveforms.keep()
        self.size += len(data)

    def _append_lines(self, data: bytes, sync: bool) -> None:
        try:
            write_all(self.disk, self.handle, data)
        except OSError as error:
            self._cut_back()
            raise from_os_error(error, self.path) from error
        try:
            if sync:
                self.disk.sync(self.handle)
        except OSError as error:
            self._cut_back()
            raise not_on_the_disk(self.path, error) from error

    def open_again(self) -> int:
        """Open this file again for a reader, and never another file; return the file descriptor.

        Raises:
            ResourceLostError: The path no longer means this file.
            SessionSharingError: Another system error.
        """
        self._check_still_there()
        with system_errors(self.path):
            handle = os.open(self._name, READ_FLAGS)
        if identity_of(os.fstat(handle)) != self.identity:
            os.close(handle)
            raise self._lost()
        return handle

    def recall(self) -> list[LineNumbers]:
        """Read the numbers in the last 64 MB that were in the log when it was opened.

        This takes up to a second. It is for a client that sends records again after a restart.

        Raises:
            SessionSharingError: The log cannot be read.
        """
        handle = self.open_again()
        try:
            with system_errors(self.path):
                start = start_of_line(handle, max(0, self.end.size - RECALL_WINDOW))
                numbers = numbers_in(read_at(handle, start, self.end.size - start))
                earlier = [] if start else rotated_files(self.path, self.find_first_seq())
        finally:
            os.close(handle)
        left = RECALL_WINDOW - self.end.size
        for rotated in reversed(earlier):
            if left <= 0:
                break
            numbers = numbers_at_end(rotated, left)[0] + numbers
            left -= rotated.size
        return numbers

    def find_first_seq(self) -> int:
        """Return the number of the file's first record; 0 if no line has a number.

        Raises:
            SessionSharingError: The file cannot be read.
        """
        if not self.first_seq:
            handle = self.open_again()
            try:
                with system_errors(self.path):
                    self.first_seq, _ = first_number(handle, 0, self.size, self.size)
            finally:
                os.close(handle)
        return self.first_seq

    def renamed(self, path: Path) -> None:
        """Note that the open file is now called `path` on disk."""
        self._name = str(path)

    def succeed(self, log: LogFile, next_seq: int) -> None:
        """Note that this file has replaced the file of `log`, and begins with record `next_seq`."""
        self.path = log.path
        self.renamed(log.path)
        self.first_seq = next_seq
        log.successor = self

    def sync_folder(self) -> None:
        """Write the file's name to the disk, if the system can do that.

        Raises:
            OSError: The system reports an error.
        """
        with Folder(self.path.parent) as folder:
            folder.sync()

    def close(self) -> None:
        """Close the file, which unlocks it."""
        self.waveforms.close()
        os.close(self.handle)

    def _read_earlier_tail(self) -> None:
        """If this file is short, read also the numbers at the end of the last rotated file."""
        end = self.end
        if not end.tail_is_all:
            return
        self.first_seq = next((line.seq for line in end.tail if line.seq), 0)
        if self.first_seq == 1 or (end.tail and not self.first_seq):
            return  # no file comes before it, or another program began it
        earlier = rotated_files(self.path, self.first_seq or None)
        if earlier:
            numbers, are_all = numbers_at_end(earlier[-1], TAIL_WINDOW)
            end.tail = numbers + end.tail
            end.tail_is_all = are_all and earlier[-1].first_seq == 1
        elif self.first_seq:
            end.tail_is_all = False  # the files before were removed
        if not self.first_seq:
            self.first_seq = next((line.seq + 1 for line in reversed(end.tail) if line.seq), 1)

    def _check_still_there(self) -> int:
        """Check that the path still means the open file; return its size."""
        with contextlib.suppress(OSError):
            found = os.lstat(self._name)
            if identity_of(found) == self.identity:
                return found.st_size
        raise self._lost()

    def _lost(self) -> ResourceLostError:
        return ResourceLostError(
            f"{self.path} was deleted or replaced while its session was open. {_HOW_TO_ROTATE}"
        )

    def _cut_back(self) -> None:
        try:
            self.disk.truncate(self.handle, self.size)
            os.lseek(self.handle, self.size, os.SEEK_SET)
        except OSError as error:
            raise ResourceLostError(
                f"{self.path} ends with an incomplete record, which the server cannot remove: "
                f"{error.strerror}. Check the disk, and open the log again."
            ) from error
