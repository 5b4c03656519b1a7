"""Change files in a folder that is kept open, so that a link put in its path has no effect."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from types import TracebackType

from session_sharing import ResourceLostError
from session_sharing.opening import identity_of


class Folder:
    """The folder of an open file. Windows has no descriptors of folders; there, paths are used."""

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            OSError: The folder cannot be opened.
        """
        self._path = path
        self._handle: int | None = None
        if sys.platform != "win32":
            self._handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self) -> Folder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def check_holds(self, name: str, identity: tuple[int, int]) -> None:
        """Check that a name in this folder means the file with this device and inode.

        Raises:
            ResourceLostError: The name means another file, or none.
        """
        try:
            facts = os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)
        except OSError:
            facts = None
        if facts is None or identity_of(facts) != identity:
            raise ResourceLostError(
                f"{self._path / name} was deleted or replaced by another program."
            )

    def create(self, name: str, flags: int, like: int) -> int:
        """Create a file with the permissions of the open file `like`; return its file descriptor.

        Raises:
            OSError: The file cannot be created.
        """
        handle = os.open(self._at(name), flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._handle)
        if sys.platform != "win32":
            os.fchmod(handle, stat.S_IMODE(os.fstat(like).st_mode))
        return handle

    def open(self, name: str, flags: int) -> int:
        """Open a file, and return its file descriptor.

        Raises:
            OSError: The file cannot be opened.
        """
        return os.open(self._at(name), flags, dir_fd=self._handle)

    def remove(self, name: str) -> None:
        """Remove a file if it exists.

        Raises:
            OSError: The file cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._handle)

    def link(self, name: str, second: str) -> None:
        """Add a second name to a file, by a hard link.

        Raises:
            OSError: The link cannot be created.
        """
        here = {} if self._handle is None else {"src_dir_fd": self._handle}
        there = {} if self._handle is None else {"dst_dir_fd": self._handle}
        os.link(self._at(name), self._at(second), **here, **there, follow_symlinks=False)

    def replace(self, name: str, replaced: str) -> None:
        """Rename a file to the name `replaced`; another file of this name loses it.

        Raises:
            OSError: The file cannot be renamed.
        """
        os.replace(
            self._at(name), self._at(replaced), src_dir_fd=self._handle, dst_dir_fd=self._handle
        )

    def sync(self) -> None:
        """Write the names in the folder to the disk, if the system can do that.

        Raises:
            OSError: The system reports an error.
        """
        if self._handle is not None:
            os.fsync(self._handle)

    def _at(self, name: str) -> str:
        return name if self._handle is not None else str(self._path / name)
