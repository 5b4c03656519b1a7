"""Write the samples of a log's waveforms into the file beside the log.

The file of `measurements.ndjson` is `measurements.waveforms`. Samples are written before the record
that refers to them, and count only from then on. When the log is opened, the bytes behind the last
waveform with a record are cut off.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from json_logger_proto.log_files.lines import read_at, start_of_line
from json_logger_proto.log_files.rotated import waveforms_of
from json_logger_proto.log_format import (
    REFERENCE,
    WAVEFORM_HEADER,
    WaveformReference,
)
from session_sharing import NotAResourceError, ResourceLostError, SessionSharingError
from session_sharing.file_errors import from_os_error, system_errors
from session_sharing.opening import identity_of

from json_logger_server.storage.disk import write_all
from json_logger_server.storage.folder import Folder
from json_logger_server.storage.paths import OPEN_FLAGS, not_on_the_disk
from json_logger_server.storage.repair import path_aside
from json_logger_server.storage.rotated import have_waveforms

if TYPE_CHECKING:
    from json_logger_server.storage.log_file import LogFile

_SEARCHED_AT_OPEN = 4 * 1024 * 1024
"""Bytes at the end of a log in which opening it searches the last reference, so that opening takes
the same time for every size. After that, the first new waveform searches the whole log."""
_CHUNK = 1024 * 1024

_log = logging.getLogger(__name__)


class Samples(Protocol):
    """The samples of one waveform that has a place in the file."""

    @property
    def offset(self) -> int:
        """The place: bytes from the beginning of the file."""
        ...

    def pieces(self) -> Iterable[memoryview]:
        """Yield the samples. A piece is valid until the next one.

        Raises:
            InvalidArgumentError: They are not the samples that the reference describes.
        """
        ...


class WaveformFile:
    """The only writer of the waveforms of one log, which is locked. Not thread-safe.

    The file is created by the first waveform. Most logs have none.
    """

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._handle: int | None = None
        self._identity = (0, 0)
        self._end: int | None = None
        """Offset after the last waveform with a record; None if it is not known yet."""
        self.size = 0
        """Size in bytes between two calls; 0 without a file."""
        self._written: int | None = None
        """The same while waveforms are written whose records are not in the log yet."""

    @property
    def path(self) -> Path:
        """Path of the file. It follows the log's when the log is rotated."""
        return waveforms_of(self._log.path)

    @property
    def is_ready(self) -> bool:
        """Whether `prepare` has nothing to do that takes time."""
        return self._handle is not None and self._end is not None

    def open_existing(self, *, new: bool) -> None:
        """Open the file if there is one, and cut off what no record refers to.

        If this fails, the log can be used without waveforms, and `prepare` gives the reason.

        Args:
            new: The log was just created. Then the waveforms are those of another log that had this
                name, and their file is set aside.
        """
        try:
            facts = os.lstat(self.path)
            with Folder(self.path.parent) as folder:
                if new and facts.st_size > len(WAVEFORM_HEADER):
                    folder.replace(self.path.name, path_aside(self.path, "unused").name)
                else:
                    self._open(folder)
                    self._cut_off_unused(_SEARCHED_AT_OPEN)
        except FileNotFoundError:
            return
        except (OSError, SessionSharingError) as error:
            _log.warning("The waveforms of %s cannot be used: %s", self._log.path, error)

    def exists(self, folder: Folder) -> bool:
        """Return whether the log has waveforms; open their file if that failed before.

        Raises:
            OSError: The file cannot be opened.
        """
        if self._handle is None:
            with contextlib.suppress(FileNotFoundError, NotAResourceError):
                self._open(folder)
        return self._handle is not None

    def prepare(self, *, sync: bool) -> int:
        """Open or create the file; return the offset from which on it has room.

        This can take seconds if the log is large and has only old waveforms.

        Args:
            sync: Write the name of a new file to the disk.

        Raises:
            NotAResourceError: Another program's file has the name.
            SessionSharingError: The file cannot be opened or created.
        """
        with system_errors(self.path):
            if self._handle is None:
                with Folder(self.path.parent) as folder:
                    folder.check_holds(self._log.path.name, self._log.identity)
                    self._open_or_create(folder, sync)
            end = self._cut_off_unused(self._log.size)
        # The file can be shorter than the references say, if another program has cut it.
        return max(end, self.size)

    def write(self, waveforms: Sequence[Samples], *, sync: bool) -> None:
        """Write waveforms behind the others; `keep` or `cut_back` must follow.

        If this fails, the file is as before.

        Args:
            waveforms: The waveforms, in the order of their places.
            sync: Return only when they are on the disk.

        Raises:
            InvalidArgumentError: Samples are not those that their reference describes.
            StorageFullError: There is no room on the disk. A later attempt can succeed.
            ResourceLostError: Another program deleted, replaced or changed the file, or the system
                cannot write it to the disk.
            SessionSharingError: Another system error.
        """
        handle, disk = self._check_still_there(), self._log.disk
        self._written = self.size
        try:
            for waveform in waveforms:
                os.lseek(handle, waveform.offset, os.SEEK_SET)
                for piece in waveform.pieces():
                    write_all(disk, handle, piece)
                    self._written = os.lseek(handle, 0, os.SEEK_CUR)
        except SessionSharingError:
            self.cut_back()
            raise
        except OSError as error:
            self.cut_back()
            raise from_os_error(error, self.path) from error
        try:
            if sync:
                disk.sync(handle)
        except OSError as error:
            self.cut_back()
            raise not_on_the_disk(self.path, error) from error

    def keep(self) -> None:
        """Note that the records of the written waveforms are in the log."""
        if self._written is not None:
            self._end = self.size = self._written
            self._written = None

    def cut_back(self) -> None:
        """Remove the waveforms that were written since the last `keep`."""
        if self._written is not None and self._handle is not None:
            self._written = None
            with contextlib.suppress(OSError):  # then they stay there, and nothing refers to them
                self._log.disk.truncate(self._handle, self.size)
            self.size = os.fstat(self._handle).st_size

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self, folder: Folder) -> None:
        """Open the existing file, and check that it has waveforms.

        Raises:
            NotAResourceError: It is another program's file.
            OSError: It cannot be opened; a `FileNotFoundError` if it does not exist.
        """
        handle = folder.open(self.path.name, OPEN_FLAGS)
        try:
            facts = os.fstat(handle)
            if facts.st_nlink > 1 and have_waveforms(self._log.path, identity_of(facts)):
                folder.remove(self.path.name)  # a rotation ended before it could do this
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            head = read_at(handle, 0, len(WAVEFORM_HEADER)) if stat.S_ISREG(facts.st_mode) else b"?"
            if head != WAVEFORM_HEADER:
                self._repair_head(handle, head)
        except BaseException:
            os.close(handle)
            raise
        self._take_over(handle)

    def _open_or_create(self, folder: Folder, sync: bool) -> None:
        try:
            self._open(folder)
        except FileNotFoundError:
            self._create(folder)
            if sync:
                folder.sync()

    def _repair_head(self, handle: int, head: bytes) -> None:
        """Write a header of which a crash left only a part, or only zeros."""
        if not WAVEFORM_HEADER.startswith(head) and head.strip(b"\0"):
            raise NotAResourceError(
                f"{self.path} is not a file of this logger, so that the waveforms of "
                f"{self._log.path.name} cannot be written there. Move it to another place."
            )
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, WAVEFORM_HEADER)

    def _create(self, folder: Folder) -> None:
        handle = folder.create(self.path.name, OPEN_FLAGS, like=self._log.handle)
        try:
            write_all(self._log.disk, handle, WAVEFORM_HEADER)
        except BaseException:
            os.close(handle)
            folder.remove(self.path.name)
            raise
        self._take_over(handle)

    def _take_over(self, handle: int) -> None:
        facts = os.fstat(handle)
        self._handle, self._identity, self.size = handle, identity_of(facts), facts.st_size

    def _cut_off_unused(self, most: int) -> int:
        """Cut off the bytes to which no record refers, if the last reference is found.

        Args:
            most: Bytes at the end of the log in which the reference is searched.

        Returns:
            The offset after the last waveform with a record; the size of the file if that was not
            found.

        Raises:
            OSError: A file cannot be read or cut.
        """
        if self._end is None:
            self._end = _end_of_waveforms(self._log.handle, self._log.size, most)
            os.lseek(self._log.handle, self._log.size, os.SEEK_SET)
            if self._end is not None and self._end < self.size and self._handle is not None:
                os.truncate(self._handle, self._end)
                self.size = self._end
        return self.size if self._end is None else self._end

    def _check_still_there(self) -> int:
        """Check that the path still means the open file, and that nobody changed it.

        Returns:
            The file descriptor.
        """
        with contextlib.suppress(OSError):
            facts = os.lstat(self.path)
            is_same = (identity_of(facts), facts.st_size) == (self._identity, self.size)
            if is_same and self._handle is not None:
                return self._handle
        raise ResourceLostError(
            f"{self.path} was deleted, replaced or changed while the session of its log was open. "
            "Rotate an open log only by `json-logger rotate`."
        )


def _end_of_waveforms(handle: int, size: int, most: int) -> int | None:
    """Search a log from its end for the last reference, and return where its waveform ends.

    Args:
        handle: File descriptor of the log.
        size: Size of the log, which ends with a whole line.
        most: Bytes in which to search.

    Returns:
        The offset; that after the header if the whole log has no reference, and None if the
        searched part has none.
    """
    end = size
    while end > 0:
        if size - end >= most:
            return None
        start = start_of_line(handle, max(0, end - _CHUNK))
        lines = read_at(handle, start, end - start)
        last = max((_end_of(match[1]) for match in REFERENCE.finditer(lines)), default=0)
        if last:
            return last
        end = start
    return len(WAVEFORM_HEADER)


def _end_of(reference: bytes) -> int:
    """Return the offset after a waveform; 0 if another program wrote the reference wrongly."""
    try:
        return WaveformReference.from_json(json.loads(reference)).end
    except ValueError:
        return 0
