"""Find and open the log files that clients name, only inside the log folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from json_logger_proto.log_format import LOG_SUFFIXES
from session_sharing import InvalidArgumentError, ResourceLostError, ResourceNotFoundError
from session_sharing.file_errors import system_errors
from session_sharing.file_roots import FileRoots, checked_plain
from session_sharing.opening import READ_FLAGS

OPEN_FLAGS = READ_FLAGS | os.O_RDWR


@dataclass(frozen=True, slots=True)
class LogRoots(FileRoots):
    """The folders that may contain log files."""

    what: ClassVar[str] = "log file"
    folder_words: ClassVar[str] = "log folders"
    option: ClassVar[str] = "another --log-root"
    suffixes: ClassVar[tuple[str, ...]] = LOG_SUFFIXES

    def resolve(self, name: str) -> Path:
        """Return the absolute path, without links, that a client's name means.

        Raises:
            InvalidArgumentError: The name cannot be that of a log file.
            NotPermittedError: The path is outside the folders.
            ResourceNotFoundError: The parent folder of the path does not exist.
        """
        path = FileRoots.resolve(self, name)
        try:
            parent_exists = path.parent.is_dir()
        except OSError as error:
            raise InvalidArgumentError(f"{name!r} is not a usable path: {error}") from error
        if not parent_exists:
            raise ResourceNotFoundError(
                f"The folder {path.parent} does not exist. Create it, or use another folder."
            )
        return path

    def find(self, name: str) -> Path:
        """Return the path of the existing file that a client's name means.

        Raises:
            SessionSharingError: The name is refused, or the file does not exist.
        """
        path = self.resolve(name)
        if not path.is_file():
            raise ResourceNotFoundError(f"There is no log {path}.")
        return path

    def open(self, path: Path, *, create: bool) -> tuple[int, bool]:
        """Open a resolved path for reading and appending; refuse links that appeared since.

        Returns:
            A file descriptor, and whether this call created the file.

        Raises:
            SessionSharingError: The file cannot be opened, or is not a plain file.
        """
        with system_errors(path):
            handle, created = self._open_or_create(path, create)
        return checked_plain(handle, path), created

    def _open_or_create(self, path: Path, create: bool) -> tuple[int, bool]:
        try:
            return self._open(path, OPEN_FLAGS), False
        except FileNotFoundError:
            if not create:
                raise
        try:
            return self._open(path, OPEN_FLAGS | os.O_CREAT | os.O_EXCL), True
        except FileExistsError:
            return self._open(path, OPEN_FLAGS), False  # another program was faster


def not_on_the_disk(path: Path, error: OSError) -> ResourceLostError:
    """Return the error for a file whose content on the disk is unknown from now on."""
    return ResourceLostError(
        f"The system cannot write {path} to the disk: {error.strerror}. Check the disk, and open "
        "the log again."
    )
