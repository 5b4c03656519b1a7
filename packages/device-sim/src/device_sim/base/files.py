"""Decide which files the device server reads and writes for clients.

The server has the rights of its user, and that user may have allowed other users as clients.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of files that clients may use."""

    words: str
    """The words for one of them in messages."""

    suffixes: tuple[str, ...]
    """The allowed ends of their names."""


CONFIGURATION = FileKind("an attribute configuration", ("config", ".json", ".txt"))
"""An exported configuration. NI's names end with .nidcpowerconfig and so on."""

WAVEFORM = FileKind("a waveform", (".bin", ".dat", ".raw"))
"""Samples without a header."""

_LARGEST = 64 * 2**20  # Bytes of a file to read.

# Links are not followed, a FIFO does not block the server, a terminal does not become ours, and
# Windows translates no newline.
_FLAGS = 0
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)


def default_folders() -> list[Path]:
    """Return the present folder. Return none if it is gone or is the root."""
    try:
        folder = Path.cwd()
    except OSError:
        return []
    return [] if folder == folder.parent else [folder]


class FileRoots:
    """The files of instruments inside some folders.

    Args:
        folders: The folders. Relative names start at the first one.
        read_folders: Folders in which files may only be read.
    """

    def __init__(self, folders: Sequence[Path], read_folders: Sequence[Path] = ()) -> None:
        self.folders = [Path(os.path.realpath(folder)) for folder in folders]
        self._read_folders: list[Path] = []
        for folder in read_folders:
            self.add_read_folder(folder)

    def add_read_folder(self, folder: Path) -> None:
        """Allow to read files in a folder."""
        self._read_folders.append(Path(os.path.realpath(folder)))

    def read(self, name: str, kind: FileKind = CONFIGURATION) -> bytes:
        """Return the content of a file.

        Args:
            name: The file.
            kind: Its kind.

        Raises:
            OSError: The file cannot be read, or clients have no access to it.
        """
        with self._open(name, os.O_RDONLY, kind) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise OSError(f"{name} has more than {_LARGEST} bytes. Choose a smaller file.")
        return content

    def write(self, name: str, content: bytes, *, replaces: bytes) -> None:
        """Create a file, or overwrite one.

        Args:
            name: The file.
            content: The new content.
            replaces: First bytes of a file that may be overwritten. An empty file may be, too.

        Raises:
            OSError: The file cannot be written, or clients have no access to it.
        """
        with self._open(name, os.O_RDWR | os.O_CREAT, CONFIGURATION) as file:
            if file.read(len(replaces)) not in (b"", replaces):
                raise OSError(f"{name} has other content. Delete it, or choose another name.")
            file.seek(0)
            file.truncate()
            file.write(content)

    def _open(self, name: str, access: int, kind: FileKind) -> BinaryIO:
        if "\0" in name:
            raise PermissionError(f"{name!r} is not the name of {kind.words}.")
        path = self._resolve(name)
        is_read = access == os.O_RDONLY
        folders = [*self.folders, *self._read_folders] if is_read else self.folders
        above = [folder for folder in folders if path.is_relative_to(folder)]
        if not above:
            allowed = ", ".join(map(str, folders)) or "none"
            raise PermissionError(
                f"{name} is outside the device server's folders ({allowed}). Add a folder with "
                "--file-root DIR or with the argument file_roots."
            )
        # The nearest one: a folder that the user named may lie in a hidden one of another folder.
        root = max(above, key=lambda folder: len(folder.parts))
        inside = path.relative_to(root)
        is_hidden = any(part.startswith(".") for part in inside.parts)
        if is_hidden or not path.name.endswith(kind.suffixes):
            raise PermissionError(
                f"{name} is not the name of {kind.words}. Such a name ends with "
                f"{', '.join(kind.suffixes)}, and none of its parts begins with a dot."
            )
        handle = _open_beneath(root, inside, access | _FLAGS)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise PermissionError(f"{name} is not a regular file.")
        return os.fdopen(handle, "rb" if is_read else "r+b")

    def _resolve(self, name: str) -> Path:
        """Return the absolute path of a client's name, without links."""
        start = self.folders[0] if self.folders else Path(os.sep)
        return Path(os.path.realpath(start / name))


if sys.platform == "win32":

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path below a folder. Windows cannot open it step by step."""
        return os.open(root / inside, flags, 0o666)

else:

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path below a folder step by step, so that no new link can lead elsewhere."""
        step = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in inside.parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=step)
                os.close(step)
                step = below
            return os.open(inside.name, flags, 0o666, dir_fd=step)
        finally:
            os.close(step)
