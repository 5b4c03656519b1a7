"""Find and open the files that clients name, only inside the folders of the server."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from session_sharing.core.errors import (
    InvalidArgumentError,
    NotAResourceError,
    NotPermittedError,
)
from session_sharing.file_errors import system_errors
from session_sharing.opening import READ_FLAGS
from session_sharing.windows_names import plain_name, with_prefix_if_long, without_prefix


@dataclass(frozen=True, slots=True)
class FileRoots:
    """The folders that may contain files of one kind. A subclass says which kind."""

    folders: tuple[Path, ...]
    """The folders; relative names start at the first."""
    any_path: bool = False
    """Accept every path, as reference servers do. Use it only if you trust every client."""

    what: ClassVar[str] = "file"
    """One of the files, for people, as "log file"."""
    folder_words: ClassVar[str] = "folders"
    """The folders, for people, as "log folders"."""
    option: ClassVar[str] = "another folder"
    """The option of the server that names a folder."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """The allowed ends of names; none allows every name."""

    def resolve(self, name: str) -> Path:
        """Return the absolute path, without links, that a client's name means.

        Raises:
            InvalidArgumentError: The name cannot be that of such a file.
            NotPermittedError: The path is outside the folders.
        """
        if "\0" in name or not name.endswith(self.suffixes or ""):
            raise InvalidArgumentError(
                f"{name!r} is not the name of a {self.what}; it must end with "
                f"{', '.join(self.suffixes)}."
            )
        if sys.platform == "win32":
            name = plain_name(name)
        try:
            path = canonical(self.folders[0] / name)
        except (OSError, ValueError) as error:
            raise InvalidArgumentError(f"{name!r} is not a usable path: {error}") from error
        if not self.any_path and self._root_of(path) is None:
            allowed = ", ".join(map(str, self.folders))
            raise NotPermittedError(
                f"{name!r} is outside this server's {self.folder_words}: {allowed}. Use a path in "
                f"one of them, or start the server with {self.option}."
            )
        return path

    def open_existing(self, path: Path, flags: int = READ_FLAGS) -> int:
        """Open a resolved path; refuse links that appeared since.

        Returns:
            A file descriptor of a plain file.

        Raises:
            SessionSharingError: The file cannot be opened, or is not a plain file.
        """
        with system_errors(path):
            return checked_plain(self._open(path, flags), path)

    def _open(self, path: Path, flags: int) -> int:
        root = self._root_of(path)
        if sys.platform != "win32" and root is not None:
            return _open_beneath(root, path.relative_to(root), flags)
        return os.open(path, flags, 0o666)

    def _root_of(self, path: Path) -> Path | None:
        for folder in self.folders:
            root = canonical(folder)
            if _plain(path).is_relative_to(_plain(root)):
                return root
        return None


def checked_plain(handle: int, path: Path) -> int:
    """Return a file descriptor if it is one of a plain file; close it otherwise.

    Raises:
        NotAResourceError: It is a folder, a pipe or a device.
    """
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise NotAResourceError(f"{path} is not a plain file.")


if sys.platform != "win32":

    def _open_beneath(root: Path, inside: Path, flags: int) -> int:
        """Open a path step by step below a folder, so that a link put in the path has no effect."""
        step = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in inside.parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=step)
                os.close(step)
                step = below
            return os.open(inside.name, flags, 0o666, dir_fd=step)
        finally:
            os.close(step)


def canonical(path: Path) -> Path:
    r"""Return the absolute path of a file, without links; on Windows with ``\\?\`` if it is long.

    Raises:
        OSError: The system cannot follow the path.
    """
    if os.name != "nt":
        return Path(os.path.realpath(path))
    real = os.path.realpath(with_prefix_if_long(os.path.abspath(path)))  # noqa: PTH100
    return Path(with_prefix_if_long(without_prefix(real)))


def _plain(path: Path) -> Path:
    return Path(without_prefix(str(path))) if sys.platform == "win32" else path
