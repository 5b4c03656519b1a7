"""Which files clients may have the device server read and write.

The server has the rights of the user who runs it, and other users may have been let in.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_SUFFIXES = ("config", ".json", ".txt")
"""What the name of an attribute configuration ends with; NI's are .nidcpowerconfig and so on."""

_LARGEST = 64 * 2**20  # Bytes of a file that is read.

# A link is not followed, a FIFO does not block the opener, a terminal does not become ours, and
# Windows translates no newline.
_FLAGS = 0
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


def default_folders() -> list[Path]:
    """Return the present folder, unless it has all files of the machine below it, or is gone."""
    try:
        folder = Path.cwd()
    except OSError:
        return []
    return [] if folder == folder.parent else [folder]


class FileRoots:
    """Attribute configurations inside some folders.

    Args:
        folders: The folders; relative names start at the first.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [Path(os.path.realpath(folder)) for folder in folders]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: It cannot be read, or clients may not have it read.
        """
        with self._open(name, os.O_RDONLY) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise OSError(f"{name} has more than {_LARGEST} bytes.")
        return content

    def write(self, name: str, content: bytes, *, replaces: bytes) -> None:
        """Make a file, or write over one.

        Args:
            name: The file.
            content: What it is to contain.
            replaces: How a file begins that may be written over; so may an empty one.

        Raises:
            OSError: It cannot be written, or clients may not have it written.
        """
        with self._open(name, os.O_RDWR | os.O_CREAT) as file:
            if file.read(len(replaces)) not in (b"", replaces):
                raise OSError(f"{name} holds something else. Delete it, or give another name.")
            file.seek(0)
            file.truncate()
            file.write(content)

    def _open(self, name: str, access: int) -> BinaryIO:
        path = self._resolve(name)
        root = self._root_of(path)
        if root is None:
            allowed = ", ".join(map(str, self.folders)) or "none"
            raise PermissionError(
                f"{name} is outside the device server's folders ({allowed}). Allow more by "
                "--file-root DIR, or by the argument file_roots."
            )
        inside = path.relative_to(root)
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if is_hidden or not path.name.endswith(_SUFFIXES):
            raise PermissionError(
                f"{name} is not the name of an attribute configuration: that ends with "
                f"{', '.join(_SUFFIXES)}, and no part of it begins with a dot."
            )
        handle = _open_beneath(root, inside, access | _FLAGS)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise PermissionError(f"{name} is not a plain file.")
        return os.fdopen(handle, "rb" if access == os.O_RDONLY else "r+b")

    def _resolve(self, name: str) -> Path:
        """Return the absolute path, without links, that a client's name means."""
        if "\0" in name:
            raise PermissionError(f"{name!r} is not the name of an attribute configuration.")
        start = self.folders[0] if self.folders else Path(os.sep)
        return Path(os.path.realpath(start / name))

    def _root_of(self, path: Path) -> Path | None:
        return next((root for root in self.folders if path.is_relative_to(root)), None)


if sys.platform == "win32":

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path below a folder; Windows has no step by step opening."""
        return os.open(root / inside, flags, 0o666)

else:

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path step by step below a folder, so that no link swapped in leads elsewhere."""
        step = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in inside.parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=step)
                os.close(step)
                step = below
            return os.open(inside.name, flags, 0o666, dir_fd=step)
        finally:
            os.close(step)
