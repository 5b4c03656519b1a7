"""A folder that is held open, so that no link swapped in above it leads elsewhere."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from types import TracebackType

from session_sharing import ResourceLostError

from json_logger_server.storage.paths import identity_of


class Folder:
    """The folder of an open file. Where the system has no such descriptors, paths have to do."""

    def __init__(self, path: Path) -> None:
        """Open a folder.

        Raises:
            OSError: It cannot be opened.
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
        """Make sure that a name in this folder means the file with this device and inode.

        Raises:
            ResourceLostError: It does not.
        """
        try:
            facts = os.stat(self._at(name), dir_fd=self._handle, follow_symlinks=False)
        except OSError:
            facts = None
        if facts is None or identity_of(facts) != identity:
            raise ResourceLostError(f"{self._path / name} was deleted or replaced.")

    def create(self, name: str, flags: int, like: int) -> int:
        """Make a new file with the permissions of an open one; give its descriptor.

        Raises:
            OSError: It cannot be made.
        """
        handle = os.open(self._at(name), flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._handle)
        if sys.platform != "win32":
            os.fchmod(handle, stat.S_IMODE(os.fstat(like).st_mode))
        return handle

    def remove(self, name: str) -> None:
        """Remove a file, if there is one.

        Raises:
            OSError: It cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._handle)

    def link(self, name: str, second: str) -> None:
        """Give a file a second name.

        Raises:
            OSError: It cannot be had.
        """
        here = {} if self._handle is None else {"src_dir_fd": self._handle}
        there = {} if self._handle is None else {"dst_dir_fd": self._handle}
        os.link(self._at(name), self._at(second), **here, **there, follow_symlinks=False)

    def replace(self, name: str, replaced: str) -> None:
        """Give a file the name of another one, which loses it.

        Raises:
            OSError: It cannot be done.
        """
        os.replace(
            self._at(name), self._at(replaced), src_dir_fd=self._handle, dst_dir_fd=self._handle
        )

    def sync(self) -> None:
        """Have the names in the folder on the medium, where the system can do that.

        Raises:
            OSError: It cannot be done.
        """
        if self._handle is not None:
            os.fsync(self._handle)

    def _at(self, name: str) -> str:
        return name if self._handle is not None else str(self._path / name)
